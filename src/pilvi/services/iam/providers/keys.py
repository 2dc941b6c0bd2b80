"""Getting the public keys of an OpenID Connect provider: given in a folder, or fetched from the provider.

Fetched over HTTPS only. The provider's certificate must be good by the authorities that this machine trusts or, where
it is not, by one whose thumbprint the provider's record names: that certificate is then the only authority.
Answers are bounded in time, size and number; a key id that is not known makes it ask again, but not more often than
once a minute. Anybody can make it ask, with a token that nobody signed: so a provider is asked once at a time, and
after a failure not again for some seconds, by threads that nobody else waits for.
AWS: IAM User Guide, "Create an OpenID Connect (OIDC) identity provider in IAM", "Obtain the thumbprint for an OpenID
Connect identity provider". OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import SplitResult, urlsplit

from pilvi.contracts.identities import KeysUnavailable
from pilvi.kit.cloud import Cloud

ANSWER_BYTES_MAX = 256 * 1024
TIMEOUT_S = 10.0
"""For each connection, from beginning to end, however slowly the other side speaks."""
WAIT_S = 30.0
FETCHERS = 4
FAILED_S = 5.0
PROVIDERS_MAX = 100
KEPT_S = 3600.0
AGAIN_S = 60.0


class _Known(NamedTuple):
    keys: dict[str, Any]
    at_s: float


class _Failed(NamedTuple):
    why: str
    at_s: float


_Name = tuple[str, tuple[str, ...]]
"""The issuer, and the thumbprints that its certificate may have."""


class OpenIdKeys:
    """`contracts.identities.ProviderKeys`."""

    def __init__(self, cloud: Cloud) -> None:
        self._folder = cloud.settings.oidc_keys
        self._known: dict[_Name, _Known] = {}
        self._failed: dict[_Name, _Failed] = {}
        self._fetching: dict[_Name, asyncio.Task[dict[str, Any]]] = {}
        self._fetchers = ThreadPoolExecutor(FETCHERS, "pilvi-oidc")

    async def keys_of(
        self, issuer_url: str, *, thumbprints: Sequence[str], key_id: str | None
    ) -> dict[str, Any]:
        """Raises: KeysUnavailable."""
        if self._folder is not None:
            given = await asyncio.to_thread(_given, self._folder, issuer_url)
            if given is not None:
                return given
        name = (issuer_url, tuple(thumbprints))
        now_s = asyncio.get_running_loop().time()
        known = self._known.get(name)
        if known is not None:
            age_s = now_s - known.at_s
            has = key_id is None or any(k.get("kid") == key_id for k in known.keys["keys"])
            if age_s < (KEPT_S if has else AGAIN_S):
                return known.keys
        failed = self._failed.get(name)
        if failed is not None and now_s - failed.at_s < FAILED_S:
            raise KeysUnavailable(failed.why)
        fetching = self._fetching.get(name)
        if fetching is None:
            if len(self._fetching) >= PROVIDERS_MAX:
                raise KeysUnavailable("too many identity providers are being asked")
            fetching = self._fetching[name] = asyncio.create_task(self._fetched(name))
            fetching.add_done_callback(_seen)
        try:
            return await asyncio.wait_for(asyncio.shield(fetching), WAIT_S)
        except TimeoutError:
            raise KeysUnavailable(f"{issuer_url} does not answer") from None

    async def _fetched(self, name: _Name) -> dict[str, Any]:
        """Asks, and remembers what came of it. Raises: KeysUnavailable."""
        loop = asyncio.get_running_loop()
        try:
            keys = await loop.run_in_executor(self._fetchers, _fetch, *name)
        except KeysUnavailable as error:
            _keep(self._failed, name, _Failed(str(error), loop.time()))
            raise
        finally:
            del self._fetching[name]
        _keep(self._known, name, _Known(keys, loop.time()))
        return keys


_T = TypeVar("_T")


def _keep(kept: dict[_Name, _T], name: _Name, what: _T) -> None:
    if len(kept) >= PROVIDERS_MAX:
        kept.clear()
    kept[name] = what


def _seen(fetching: asyncio.Task[dict[str, Any]]) -> None:
    """Whoever waited may be gone; a failure is remembered, and no surprise."""
    if not fetching.cancelled():
        fetching.exception()


def _given(folder: Path, issuer_url: str) -> dict[str, Any] | None:
    """`https://id.example.com/pool` is in `id.example.com_pool.json`."""
    name = issuer_url.removeprefix("https://").replace("/", "_")
    file = folder / f"{name}.json"
    if name.startswith(".") or not file.is_file():
        return None
    return _key_set(file.read_bytes(), str(file))


def _fetch(issuer_url: str, thumbprints: Sequence[str]) -> dict[str, Any]:
    """Blocks. Raises: KeysUnavailable."""
    base = issuer_url.rstrip("/")
    told = _get(f"{base}/.well-known/openid-configuration", thumbprints)
    try:
        place = json.loads(told)["jwks_uri"]
    except (ValueError, KeyError, TypeError):
        raise KeysUnavailable(f"{base} does not tell where its keys are") from None
    return _key_set(_get(str(place), thumbprints), str(place))


def _key_set(text: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
        if all(isinstance(key, dict) for key in found["keys"]):
            return cast("dict[str, Any]", found)
    except (ValueError, KeyError, TypeError):
        pass
    raise KeysUnavailable(f"{place} holds no JSON Web Key Set")


def _get(url: str, thumbprints: Sequence[str]) -> bytes:
    """One GET; redirects are not followed. Raises: KeysUnavailable."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise KeysUnavailable(f"{url} is not https")
    try:
        try:
            return _request(parts, ssl.create_default_context())
        except ssl.SSLCertVerificationError:
            trusted = _pinned(parts.hostname, parts.port or 443, thumbprints)
            if trusted is None:
                raise
            return _request(parts, trusted)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise KeysUnavailable(f"{url}: {error}") from error


def _request(url: SplitResult, context: ssl.SSLContext) -> bytes:
    host, port = url.hostname or "", url.port or 443
    connection = http.client.HTTPSConnection(url.netloc)
    with _secured(host, port, context) as connection.sock:
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        connection.request("GET", target, headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(ANSWER_BYTES_MAX + 1)
    if response.status != 200 or len(body) > ANSWER_BYTES_MAX:
        raise KeysUnavailable(
            f"{url.netloc}{url.path} answers {response.status} with {len(body)} bytes"
        )
    return body


@contextmanager
def _secured(host: str, port: int, context: ssl.SSLContext) -> Generator[ssl.SSLSocket]:
    """A connection that is cut off in the end: a timeout of the socket's own begins anew with every byte."""
    with socket.create_connection((host, port), TIMEOUT_S) as plain, plain.dup() as same:
        timer = threading.Timer(TIMEOUT_S, _cut_off, (same,))
        timer.daemon = True
        timer.start()
        try:
            with context.wrap_socket(plain, server_hostname=host) as secured:
                yield secured
        finally:
            timer.cancel()
            timer.join()


def _cut_off(connection: socket.socket) -> None:
    with suppress(OSError):  # it has just ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _pinned(host: str, port: int, thumbprints: Sequence[str]) -> ssl.SSLContext | None:
    """A context that trusts only the certificate in the server's chain that a thumbprint names; None without one."""
    wanted = {thumbprint.lower() for thumbprint in thumbprints}
    for certificate in _chain(host, port) if wanted else ():
        if hashlib.sha1(certificate, usedforsecurity=False).hexdigest() in wanted:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(certificate))
            return context
    return None


def _chain(host: str, port: int) -> list[bytes]:
    """The certificates that a server shows, unverified: only to look for one that is known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with _secured(host, port, context) as secured:
        whole = getattr(secured, "get_unverified_chain", None)  # Python 3.13 and newer
        if whole is not None:
            return list(whole())
        inner = cast("Any", secured)._sslobj  # the same before it was public
        return [
            ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain()
        ]
