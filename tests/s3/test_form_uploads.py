"""Browser uploads over the wire: what boto3 presigns, as any HTTP client sends it."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from persons import allow, document
from servers import Server


def _post(url: str, fields: dict[str, str], body: bytes, **headers: str) -> tuple[int, bytes]:
    parts = [
        f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append('--limit\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n')
    sent = "".join(parts).encode() + body + b"\r\n--limit--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=limit", **headers}
    request = urllib.request.Request(url, data=sent, headers=kind, method="POST")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_presigned_post(client: Callable[..., Any], bucket: str, s3: Any) -> None:
    """By path and by host name; a large file streams; what is signed holds."""
    body = os.urandom(3 * 1024 * 1024)
    for style in ("path", "virtual"):
        signer = client("s3", signature_version="s3v4", s3={"addressing_style": style})
        given = signer.generate_presigned_post(
            bucket,
            f"{style}/${{filename}}",
            Fields={"success_action_status": "201"},
            Conditions=[{"success_action_status": "201"}, ["content-length-range", 1, len(body)]],
        )
        url, host = given["url"], {}
        if style == "virtual":  # not every resolver knows names below localhost
            name = url.partition("//")[2].strip("/")
            url, host = url.replace(f"{bucket}.", ""), {"Host": name}
        status, answer = _post(url, given["fields"], body, **host)
        assert status == 201, answer
        assert f"<Key>{style}/f</Key>".encode() in answer
        assert s3.get_object(Bucket=bucket, Key=f"{style}/f")["Body"].read() == body
        status, answer = _post(url, given["fields"], body + b"x", **host)
        assert (status, b"<Code>EntityTooLarge</Code>" in answer) == (400, True)


def test_what_is_no_form(endpoint: str, bucket: str) -> None:
    status, answer = _post(f"{endpoint}/{bucket}", {}, b"x", **{"Content-Type": "text/plain"})
    assert (status, b"<Code>PreconditionFailed</Code>" in answer) == (412, True)


def test_unsigned_forms_and_those_of_strange_pages_are_refused(
    client: Callable[..., Any], bucket: str, endpoint: str
) -> None:
    assert _post(f"{endpoint}/{bucket}", {"key": "k"}, b"x")[0] == 403
    given = client("s3", signature_version="s3v4").generate_presigned_post(bucket, "k")
    status, _ = _post(given["url"], given["fields"], b"x", Origin="https://stranger.example")
    assert status == 403
    assert _post(given["url"], given["fields"], b"x")[0] == 204


def test_anybody_may_send_a_form_to_a_public_bucket(s3: Any, bucket: str, endpoint: str) -> None:
    """Without a policy; with one, and no signature, it is none of nobody's forms."""
    s3.delete_public_access_block(Bucket=bucket)
    public = allow("s3:PutObject", f"arn:aws:s3:::{bucket}/open/*", Principal="*")
    s3.put_bucket_policy(Bucket=bucket, Policy=document(public))
    assert _post(f"{endpoint}/{bucket}", {"key": "open/${filename}"}, b"x")[0] == 204
    [found] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert found["Key"].startswith("open/")
    assert s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read() == b"x"
    status, answer = _post(f"{endpoint}/{bucket}", {"key": "shut/k"}, b"x")
    assert (status, b"<Message>Access Denied</Message>" in answer) == (403, True)
    status, answer = _post(f"{endpoint}/{bucket}", {"key": "open/k", "policy": "e30="}, b"x")
    assert status == 400, answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_strict_mode_knows_issued_keys_only(own_server: Callable[..., Server]) -> None:
    server = own_server("--auth", "strict")
    signer = server.client("s3", "111111111111", signature_version="s3v4")
    given = signer.generate_presigned_post("bucket", "k")
    status, answer = _post(given["url"], given["fields"], b"x")
    assert (status, b"InvalidAccessKeyId" in answer) == (403, True)
