"""An OpenID Connect issuer for tests: its keys, its tokens, and the HTTPS server that shows them."""

from __future__ import annotations

import hashlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwk, jwt


class Keys:
    """A signing key. `told()`: the key set that the issuer shows."""

    def __init__(self, key_id: str = "k1") -> None:
        self.key = jwk.ECKey.generate_key("P-256", {"kid": key_id})

    def told(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def token(self, claims: dict[str, Any], algorithm: str = "ES256") -> str:
        return jwt.encode({"alg": algorithm, "kid": self.key.kid}, claims, self.key)


class Issuer:
    """Serves `/.well-known/openid-configuration` and its keys under a certificate of its own authority.

    `endless`: its answers come byte by byte, for as long as somebody listens."""

    def __init__(self, folder: Path, keys: Keys | None, *, endless: bool = False) -> None:
        self.keys = keys
        self.asked: list[str] = []
        self.closed = threading.Event()
        authority, self._chain = _certificates(folder)
        self.thumbprint = hashlib.sha1(authority, usedforsecurity=False).hexdigest()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                answers = {
                    "/.well-known/openid-configuration": {"jwks_uri": f"{issuer.url}/keys"},
                    "/keys": issuer.keys and issuer.keys.told(),
                }
                found = answers.get(self.path)
                self.send_response(200 if found else 404)
                self.end_headers()
                while endless and not issuer.closed.wait(0.05):
                    try:
                        self.wfile.write(b" ")
                    except OSError:
                        return
                self.wfile.write(orjson.dumps(found))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


def _certificates(folder: Path) -> tuple[bytes, Path]:
    """The authority's certificate (DER), and a file with the server's chain and key."""
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("authority", theirs.public_key(), "authority", theirs, ca=True)
    server = _certificate("localhost", ours.public_key(), "authority", theirs, ca=False)
    chain = folder / "chain.pem"
    key = ours.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = serialization.Encoding.PEM
    chain.write_bytes(key + server.public_bytes(pem) + authority.public_bytes(pem))
    return authority.public_bytes(serialization.Encoding.DER), chain


def _certificate(name: str, key: Any, issuer: str, issuer_key: Any, *, ca: bool) -> Any:
    now = datetime.fromtimestamp(0, UTC) + timedelta(days=50 * 365)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=50 * 365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())
