"""The server as a whole: health, clock, reset, errors before any service, and its life and death."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from servers import Server


def fetch(
    url: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, data=body, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return (
                response.status,
                {k.lower(): v for k, v in response.headers.items()},
                response.read(),
            )
    except urllib.error.HTTPError as error:
        return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()


def test_health_is_what_tools_look_for(endpoint: str) -> None:
    status, _, body = fetch(endpoint + "/_localstack/health")
    assert status == 200
    assert json.loads(body)["services"]["s3"] == "available"
    assert json.loads(fetch(endpoint + "/_pilvi/health")[2])["status"] == "ok"


def test_metrics_count_requests(endpoint: str, client: Callable[..., Any]) -> None:
    client("sts").get_caller_identity()
    text = fetch(endpoint + "/metrics")[2].decode()
    assert 'pilvi_requests_total{operation="GetCallerIdentity",service="sts",status="200"}' in text
    assert "pilvi_store_commits_total" in text


def test_the_clock_moves_the_answers(client: Callable[..., Any], clock: Any) -> None:
    """What a service calls now is the cloud's clock, not the machine's."""
    clock.freeze()
    before = clock.now_ms()
    clock.advance(seconds=3600)
    made = client("iam").create_user(UserName="later")["User"]["CreateDate"]
    assert int(made.timestamp() * 1000) == before + 3_600_000


@pytest.mark.parametrize("service", ["sns", "ecs", "stepfunctions", "ec2"])
def test_a_service_that_is_not_built_is_refused_by_name(
    client: Callable[..., Any], service: str
) -> None:
    """In that service's own dialect, so that the SDK can tell what is missing."""
    made = client(service, parameter_validation=True)
    operation = {
        "sns": "list_topics",
        "ecs": "list_clusters",
        "stepfunctions": "list_state_machines",
        "ec2": "describe_vpcs",
    }[service]
    with pytest.raises(ClientError) as caught:
        getattr(made, operation)()
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert service in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_an_operation_that_is_not_built_is_refused_by_name(client: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match=r"pilvi does not implement iam\.GenerateOrganizations"):
        client("iam").generate_organizations_access_report(EntityPath="o-a1b2c3d4e5/r-f6g7/1")


def signed(endpoint: str, service: str, **headers: str) -> dict[str, str]:
    return {
        "Authorization": "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/"
        f"{service}/aws4_request, SignedHeaders=host, Signature=00",
        "X-Amz-Date": "20260101T000000Z",
        **headers,
    }


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"X-Amz-Target": "DynamoDB_20120810.GetItem"}, b"{", 400, "SerializationException"),
        ({"X-Amz-Target": "DynamoDB_20120810.Nothing"}, b"{}", 400, "UnknownOperationException"),
        ({"X-Amz-Target": "DynamoDB_20120810.ListTables"}, b'{"Nope": 1}', 400, "Nope"),
        ({"X-Amz-Target": "DynamoDB_20120810.ListTables"}, b"[]", 400, "SerializationException"),
    ],
    ids=["malformed JSON", "unknown operation", "unknown member", "no object"],
)
def test_bad_json_gets_the_json_dialect(
    endpoint: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    sent = signed(endpoint, "dynamodb", **headers)
    sent["Content-Type"] = "application/x-amz-json-1.0"
    request = urllib.request.Request(endpoint + "/", method="POST", data=body, headers=sent)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    answer = caught.value.read().decode()
    assert caught.value.code == status
    assert code in answer
    assert caught.value.headers["x-amzn-requestid"]


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(endpoint: str) -> None:
    """The announced length alone is enough; nothing of the body is kept."""
    import http.client

    host = endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.putrequest("POST", "/")
    for name, value in signed(
        endpoint, "sts", **{"Content-Type": "application/x-www-form-urlencoded"}
    ).items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders(b"Action=GetCallerIdentity")
    response = connection.getresponse()
    assert response.status == 413
    assert b"RequestEntityTooLarge" in response.read()
    connection.close()


def test_a_foreign_web_page_cannot_use_the_open_mode(endpoint: str) -> None:
    """Any credentials act as root here, so a browser on somebody else's page must not lend its hands."""
    query = "?Action=CreateUser&UserName=evil&Version=2010-05-08"
    sent = signed(endpoint, "iam", Origin="https://evil.example")
    request = urllib.request.Request(endpoint + "/" + query, method="GET", headers=sent)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    assert caught.value.code == 403
    reset = urllib.request.Request(
        endpoint + "/_pilvi/reset", method="POST", headers={"Origin": "https://evil.example"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(reset, timeout=30)
    assert caught.value.code == 403


def test_reset_empties_the_cloud(own_server: Callable[..., Server]) -> None:
    server = own_server()
    iam = server.client("iam", "111122223333")
    iam.create_user(UserName="u")
    server.ask("POST", "/_pilvi/reset")
    assert iam.list_users()["Users"] == []
    iam.create_user(UserName="u")


def test_an_acknowledged_write_survives_kill_9(own_server: Callable[..., Server]) -> None:
    server = own_server()
    server.client("iam", "111122223333").create_user(UserName="kept")
    server.kill()
    server.start()
    users = server.client("iam", "111122223333").list_users()["Users"]
    assert [user["UserName"] for user in users] == ["kept"]


def test_what_one_worker_writes_the_others_see_at_once(own_server: Callable[..., Server]) -> None:
    """Three workers share one data directory; each request comes on a connection of its own, so the
    kernel spreads them. A user must be found by whoever answers next, and by all of them."""
    server = own_server("--workers", "3")
    workers: set[str] = set()
    for number in range(60):
        iam = server.client("iam", "111122223333", max_pool_connections=1)
        iam.create_user(UserName=f"u{number}")
        iam.close()
        reader = server.client("iam", "111122223333")
        assert reader.get_user(UserName=f"u{number}")["User"]["UserName"] == f"u{number}"
        workers.add(server.ask("GET", "/_pilvi/status")["pid"])
        reader.close()
    assert len(workers) > 1, "only one worker ever answered; the test shows nothing"


def test_a_second_server_on_the_same_data_is_refused(own_server: Callable[..., Server]) -> None:
    server = own_server()
    second = subprocess.run(
        [sys.executable, "-m", "pilvi", "up", "--data", str(server.data), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert "is in use by pid" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_taken_port_is_explained(server: Server, tmp_path: Any) -> None:
    port = server.url.rpartition(":")[2]
    second = subprocess.run(
        [sys.executable, "-m", "pilvi", "up", "--data", str(tmp_path / "d"), "--port", port],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert f"port {port} is taken" in second.stderr


def test_the_open_mode_does_not_listen_to_strangers(tmp_path: Any) -> None:
    command = [sys.executable, "-m", "pilvi", "up", "--host", "0.0.0.0", "--port", "0"]
    refused = subprocess.run(
        [*command, "--data", str(tmp_path / "d")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert refused.returncode == 1
    assert "--auth strict" in refused.stderr


def test_strict_mode_knows_only_issued_keys(
    own_server: Callable[..., Server], tmp_path: Any
) -> None:
    """The first start gives the first key; everything else is refused, pilvi's own endpoints too."""
    command = [sys.executable, "-m", "pilvi", "up", "--auth", "strict", "--port", "0"]
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [*command, "--data", str(tmp_path / "d"), "--ready-file", str(ready), "--quiet"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(3)]
        key = dict(line.split("=", 1) for line in lines[1:])
        while not ready.exists():
            assert process.poll() is None
        url = json.loads(ready.read_text())["url"]

        def sts(access: str, secret: str) -> Any:
            return boto3.client(
                "sts",
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id=access,
                aws_secret_access_key=secret,
                config=Config(retries={"total_max_attempts": 1}),
            )

        known = sts(key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"])
        assert known.get_caller_identity()["Arn"].endswith(":user/administrator")
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            sts(key["AWS_ACCESS_KEY_ID"], "wrong").get_caller_identity()
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            sts("AKIAUNKNOWN", "secret").get_caller_identity()
        assert fetch(url + "/_pilvi/reset", "POST")[0] == 403
        assert fetch(url + "/_pilvi/health")[0] == 200
    finally:
        process.terminate()
        process.wait(30)


def test_tls_serves_a_certificate_of_its_own(own_server: Callable[..., Server]) -> None:
    server = own_server("--tls")
    assert server.url.startswith("https://")
    sts = boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="x",
        verify=str(server.data / "tls" / "cert.pem"),
    )
    assert sts.get_caller_identity()["Account"] == "123456789012"
