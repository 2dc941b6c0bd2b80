"""Short words for tables of decisions: who asks, by which policies, and what both evaluators answer."""

from __future__ import annotations

import json
from typing import Any

from tests.languages.policy import naive

from pilvi.languages.policy import (
    ANONYMOUS,
    IDENTITY,
    RESOURCE,
    TRUST,
    Attachment,
    Decision,
    Document,
    Form,
    Kind,
    Origin,
    Policies,
    Principal,
    Request,
    ResourceSide,
    Verdict,
    decide,
    document,
)

Json = Any
HERE, THERE = "111111111111", "222222222222"
CANONICAL = "a" * 64
PROVIDER = f"arn:aws:iam::{HERE}:oidc-provider/login.example.com"
ROLE = f"arn:aws:iam::{HERE}:role/team/worker"
LINKED = f"arn:aws:iam::{HERE}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"


def _session(
    account: str, role: str, unique_id: str = "AROAEXAMPLEROLEIDXXXX", **more: str
) -> Principal:
    name = role.rpartition("/")[2]
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/s1"
    return Principal(Kind.ROLE_SESSION, account, arn, role, unique_id, **more)


PEOPLE: dict[str, Principal] = {
    "root": Principal(Kind.ROOT, HERE, f"arn:aws:iam::{HERE}:root", canonical_id=CANONICAL),
    "user": Principal(
        Kind.USER,
        HERE,
        f"arn:aws:iam::{HERE}:user/ann",
        unique_id="AIDAEXAMPLEUSERIDXXXX",
        canonical_id=CANONICAL,
    ),
    "session": _session(HERE, ROLE),
    "web session": _session(HERE, ROLE, provider=PROVIDER),
    "linked": _session(HERE, LINKED),
    "federated": Principal(
        Kind.FEDERATED_USER,
        HERE,
        f"arn:aws:sts::{HERE}:federated-user/bob",
        f"arn:aws:iam::{HERE}:user/ann",
        "AIDAEXAMPLEUSERIDXXXX",
    ),
    "their root": Principal(Kind.ROOT, THERE, f"arn:aws:iam::{THERE}:root"),
    "their user": Principal(
        Kind.USER, THERE, f"arn:aws:iam::{THERE}:user/eve", unique_id="AIDATHEIRUSERIDXXXXXX"
    ),
    "their session": _session(THERE, f"arn:aws:iam::{THERE}:role/guest", "AROATHEIRROLEIDXXXXXX"),
    "service": Principal(Kind.SERVICE, services=("sns.amazonaws.com", "sns.us-east-1.amazonaws.com")),
    "web": Principal(Kind.WEB_IDENTITY, provider=PROVIDER),
    "anonymous": ANONYMOUS,
}  # fmt: skip
_NAIVE_KINDS = {
    Kind.ROOT: "root",
    Kind.USER: "user",
    Kind.ROLE_SESSION: "session",
    Kind.FEDERATED_USER: "federated",
    Kind.WEB_IDENTITY: "web",
    Kind.SERVICE: "service",
    Kind.ANONYMOUS: "anonymous",
}
_SIDES = {side.name.lower(): side for side in ResourceSide}


def naive_person(one: Principal) -> dict[str, Any]:
    return {
        "kind": _NAIVE_KINDS[one.kind],
        "account": one.account,
        "arn": one.arn,
        "entity": one.entity_arn,
        "id": one.unique_id,
        "canonical": one.canonical_id,
        "services": one.services,
        "provider": one.provider,
    }


def allow(action: Json = "*", resource: Json = "*", **more: Json) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Json = "*", resource: Json = "*", **more: Json) -> Json:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def written(statements: Json, version: str | None = "2012-10-17") -> str:
    told = {} if version is None else {"Version": version}
    return json.dumps({**told, "Statement": statements})


def ask(
    who: str | Principal = "user",
    action: str = "s3:GetObject",
    arn: str = "arn:aws:s3:::bucket/key",
    context: dict[str, Json] | None = None,
    owner: str = "",
    side: str = "ordinary",
    version: str | None = "2012-10-17",
    **layers: Json,
) -> Decision:
    """Decides, and asserts that the naive evaluator decides the same.

    `layers`: identity, boundary, session, resource: statements of one policy; scp, rcp: a list of levels of them.
    """
    person = PEOPLE[who] if isinstance(who, str) else who
    keys = {
        key.lower(): [str(one) for one in naive.as_list(values)]
        for key, values in (context or {}).items()
    }
    texts: dict[str, Json] = {"side": side}
    for name, given in layers.items():
        if given is not None and name in ("scp", "rcp"):
            texts[name] = [[written(level, version)] for level in given]
        elif given is not None:
            texts[name] = [written(given, version)]
    context_keys = {key: tuple(values) for key, values in keys.items()}
    decision = decide(
        Request(person, action, (arn,), owner or person.account, context_keys), policies_of(texts)
    )
    told = {Verdict.ALLOWED: "allow", Verdict.EXPLICIT_DENY: "explicit", Verdict.IMPLICIT_DENY: "implicit"}  # fmt: skip
    request = {
        "who": naive_person(person),
        "action": action,
        "resource": arn,
        "context": keys,
        "owner": owner,
    }
    assert naive.decide(request, texts) == told[decision.verdict]
    return decision


def policies_of(texts: dict[str, Json]) -> Policies:
    form = TRUST if texts.get("side") == "trust" else RESOURCE
    boundary = _documents(texts, "boundary", Attachment.BOUNDARY)
    return Policies(
        identity=_documents(texts, "identity", Attachment.MANAGED),
        boundary=boundary[0] if boundary else None,
        session=_documents(texts, "session", Attachment.SESSION),
        resource=_documents(texts, "resource", Attachment.RESOURCE, form),
        resource_side=_SIDES[texts.get("side", "ordinary")],
        service_control=_levels(texts, "scp", Attachment.SERVICE_CONTROL, IDENTITY),
        resource_control=_levels(texts, "rcp", Attachment.RESOURCE_CONTROL, RESOURCE),
    )


def _documents(
    texts: dict[str, Json], name: str, attachment: Attachment, form: Form = IDENTITY
) -> tuple[Document, ...]:
    origin = Origin(attachment, name)
    return tuple(document(text, form, origin) for text in texts.get(name, ()))


def _levels(
    texts: dict[str, Json], name: str, attachment: Attachment, form: Form
) -> tuple[tuple[Document, ...], ...]:
    return tuple(_documents({name: level}, name, attachment, form) for level in texts.get(name, ()))
