"""AssumeRoleWithWebIdentity: whom a provider's token vouches for may assume a role that trusts the provider."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from joserfc import jwk, jwt

from iam.issuers import Issuer, Keys
from iam.refusals import refused
from iam.test_assuming import keys_of
from persons import allow, document, refusal
from pilvi.contracts.identities import KeysUnavailable
from pilvi.services.iam.providers import keys

Make = Callable[..., Any]
TAGS = "https://aws.amazon.com/tags"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    running = Issuer(tmp_path_factory.mktemp("issuer"), Keys())
    yield running
    running.close()


class Federation:
    """A provider and a role that trusts it, and tokens for it."""

    def __init__(self, make: Make, issuer: Issuer, clock: Any, **trust: Any) -> None:
        self.issuer, self.clock = issuer, clock
        self._make = make
        iam = make("iam")
        self.provider = iam.create_open_id_connect_provider(
            Url=issuer.url, ClientIDList=["app"], ThumbprintList=[issuer.thumbprint]
        )["OpenIDConnectProviderArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider},
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
            **trust,
        }
        self.role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=document(statement))[
            "Role"
        ]["Arn"]

    def claims(self, **more: Any) -> dict[str, Any]:
        now = self.clock.now_ms() // 1000
        told = {"iss": self.issuer.url, "sub": "bob", "aud": "app", "iat": now, "exp": now + 600}
        return {name: value for name, value in {**told, **more}.items() if value is not None}

    def assume(self, token: str | None = None, **more: Any) -> Any:
        members = {k: more.pop(k) for k in ("Policy", "DurationSeconds", "RoleArn") if k in more}
        return self._make("sts", signature_version=UNSIGNED).assume_role_with_web_identity(
            **{"RoleArn": self.role, **members},
            RoleSessionName="me",
            WebIdentityToken=token or self.issuer.keys.token(self.claims(**more)),
        )


@pytest.fixture
def federate(client: Make, issuer: Issuer, clock: Any) -> Callable[..., Federation]:
    return lambda **trust: Federation(client, issuer, clock, **trust)


def test_a_token_opens_a_role_that_trusts_its_issuer(
    client: Make, account: str, federate: Callable[..., Federation]
) -> None:
    prefix = None
    web = federate()
    prefix = web.provider.partition("/")[2]
    answer = web.assume()
    assert answer["SubjectFromWebIdentityToken"] == "bob"
    assert (answer["Audience"], answer["Provider"]) == ("app", web.provider)
    session = keys_of(answer)
    me = client("sts", **session).get_caller_identity()["Arn"]
    assert me == f"arn:aws:sts::{account}:assumed-role/web/me"
    assert refusal(client("s3", **session).list_buckets)[0] == "AccessDenied"
    through = {"StringEquals": {"aws:FederatedProvider": web.provider}}
    client("iam").put_role_policy(
        RoleName="web",
        PolicyName="p",
        PolicyDocument=document(allow("s3:ListAllMyBuckets", Condition=through)),
    )
    client("s3", **session).list_buckets()
    limited = keys_of(web.assume(Policy=document(allow("iam:*"))))
    assert refusal(client("s3", **limited).list_buckets)[0] == "AccessDenied"
    client("iam").update_assume_role_policy(
        RoleName="web",
        PolicyDocument=document(
            {
                "Effect": "Allow",
                "Principal": {"Federated": web.provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{prefix}:sub": "bob", f"{prefix}:aud": "app"}},
            }
        ),
    )
    web.assume()
    with refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403):
        web.assume(sub="eve")


def test_tokens_that_prove_nothing(
    client: Make, account: str, federate: Callable[..., Federation]
) -> None:
    web = federate()
    now = web.clock.now_ms() // 1000
    other = Keys()
    for token in ("nonsense", "a.b.c", other.token(web.claims())):
        with refused("InvalidIdentityToken", status=400):
            web.assume(token)
    header, _, signature = web.issuer.keys.token(web.claims()).split(".")
    _, claims, _ = other.token(web.claims(sub="root")).split(".")
    with refused("InvalidIdentityToken", status=400):
        web.assume(f"{header}.{claims}.{signature}")
    none = jwt.encode({"alg": "none"}, web.claims(), jwk.OctKey.generate_key(128), ["none"])
    shown = json.dumps(web.issuer.keys.told()["keys"][0]).encode()
    symmetric = jwt.encode({"alg": "HS256"}, web.claims(), jwk.OctKey.import_key(shown))
    for token in (none, symmetric):
        with refused("InvalidIdentityToken", status=400):
            web.assume(token)
    with refused("InvalidIdentityToken", "Incorrect token audience", 400):
        web.assume(aud="other")
    with refused("InvalidIdentityToken", status=400):
        web.assume(aud=["app", "other"])
    for claim in ("exp", "iat", "sub", "aud", "iss"):
        with refused("InvalidIdentityToken", status=400):
            web.assume(**{claim: None})
    with refused("InvalidIdentityToken", status=400):
        web.assume(iat=now + 3600, exp=now + 7200)
    with refused("ExpiredTokenException", status=400):
        web.assume(iat=now - 7200, exp=now - 3600)
    with refused(
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://elsewhere",
        400,
    ):
        web.assume(iss="https://elsewhere")
    with refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403):
        web.assume(RoleArn=f"arn:aws:iam::{account}:role/none-such")


def test_only_an_issuer_with_a_known_certificate_is_asked(
    client: Make, federate: Callable[..., Federation]
) -> None:
    web = federate()
    client("iam").update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=web.provider, ThumbprintList=["0" * 40]
    )
    asked = len(web.issuer.asked)
    with refused("IDPCommunicationError", status=400):
        web.assume()
    assert len(web.issuer.asked) == asked


def test_tokens_carry_tags_and_expire_by_the_clock(
    client: Make, federate: Callable[..., Federation]
) -> None:
    web = federate()
    only_a = {"StringEquals": {"aws:PrincipalTag/team": "a"}}
    client("iam").put_role_policy(
        RoleName="web",
        PolicyName="p",
        PolicyDocument=document(allow("s3:ListAllMyBuckets", Condition=only_a)),
    )
    tags = {"principal_tags": {"team": ["a"]}, "transitive_tag_keys": ["team"]}
    token = web.issuer.keys.token(web.claims(**{TAGS: tags}))
    client("s3", **keys_of(web.assume(token))).list_buckets()
    assert refusal(client("s3", **keys_of(web.assume())).list_buckets)[0] == "AccessDenied"
    with refused("InvalidIdentityToken", status=400):
        web.assume(**{TAGS: {"principal_tags": "x"}})
    web.clock.advance(seconds=700)
    with refused("ExpiredTokenException", status=400):
        web.assume(token)


# The keys of an issuer that cannot be asked are given in a folder; and nothing of it is asked then.
def test_keys_can_be_given(own_server: Callable[..., Any], tmp_path: Path) -> None:
    keys = Keys()
    folder = tmp_path / "issuers"
    folder.mkdir()
    (folder / "id.example.com_pool.json").write_text(json.dumps(keys.told()))
    server = own_server("--oidc-keys", str(folder))
    url = "https://id.example.com/pool"
    iam = server.client("iam", "1" * 12)
    provider = iam.create_open_id_connect_provider(Url=url, ClientIDList=["app"])
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
        "Action": "sts:AssumeRoleWithWebIdentity",
    }
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=document(statement))["Role"]
    now = server.ask("GET", "/_pilvi/clock")["now_ms"] // 1000
    claims = {"iss": url, "sub": "bob", "aud": "app", "iat": now, "exp": now + 60}
    answer = server.client("sts", "", signature_version=UNSIGNED).assume_role_with_web_identity(
        RoleArn=role["Arn"], RoleSessionName="me", WebIdentityToken=keys.token(claims)
    )
    assert answer["SubjectFromWebIdentityToken"] == "bob"


def test_tokens_that_are_hard_to_read(federate: Callable[..., Federation]) -> None:
    web = federate()
    header = web.issuer.keys.token(web.claims()).partition(".")[0]
    for claims in (b'{"iss":' + b"[" * 4000, rb'{"iss":"\ud800"}'):
        told = base64.urlsafe_b64encode(claims).decode().rstrip("=")
        with refused("InvalidIdentityToken", status=400):
            web.assume(f"{header}.{told}.AAAA")


def test_an_issuer_is_asked_once_whoever_waits(
    tmp_path: Path, client: Make, account: str, clock: Any
) -> None:
    issuer = Issuer(tmp_path, Keys())
    web = Federation(client, issuer, clock)
    with ThreadPoolExecutor(8) as many:
        list(many.map(lambda _: web.assume(), range(8)))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]
    issuer.close()


def test_a_failure_is_remembered_for_a_while(
    tmp_path: Path, client: Make, account: str, clock: Any
) -> None:
    issuer = Issuer(tmp_path, Keys())
    web = Federation(client, issuer, clock)
    issuer.keys = None  # type: ignore[assignment]  # it has no keys to tell of
    for _ in range(3):
        with refused("IDPCommunicationError", status=400):
            web.assume(Keys().token(web.claims()))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]
    issuer.close()


def test_an_issuer_that_never_ends_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the end this test would not end."""
    monkeypatch.setattr(keys, "TIMEOUT_S", 0.3)
    issuer = Issuer(tmp_path, Keys(), endless=True)
    with pytest.raises(KeysUnavailable):
        keys._fetch(issuer.url, [issuer.thumbprint])
    issuer.close()
