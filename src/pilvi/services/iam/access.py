"""What permission is asked about: the ARNs of what requests act on, the condition keys they tell, what else they need.

IAM has no regions; its records live under the account alone. ARNs of users, roles and groups are told here
without their path, which only the record knows: `permissions.entity_named` completes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import ContextOf, PermissionsOfRequest, ResourceOf
from pilvi.services.iam import rules
from pilvi.services.iam.permissions import KeyNamed
from pilvi.services.iam.rules import SERVICE_LINKED_PATH
from pilvi.services.iam.service_linked_roles import find_linked
from pilvi.services.iam.sessions import passed
from pilvi.services.iam.sessions.web_identity import WebIdentity

_TAGS = tags.listed("Tags")


def named(kind: str, member: str) -> ResourceOf:
    """The resource `arn:aws:iam::ACCOUNT:kind/NAME`; the name is the caller's own where it is left out."""

    def resource(call: Call, req: Mapping[str, Any]) -> str:
        name = req.get(member)
        if name is None and kind == "user" and call.principal.arn.partition(":user/")[1]:
            return call.principal.arn
        return f"arn:{call.scope.partition}:iam::{call.account}:{kind}/{name or '*'}"

    return resource


def arn_in(member: str) -> ResourceOf:
    """The resource is a member that is an ARN already."""

    def resource(call: Call, req: Mapping[str, Any]) -> str:
        return str(req.get(member, "*"))

    return resource


def new_oidc_provider(call: Call, req: Mapping[str, Any]) -> str:
    """The provider that is made for a URL."""
    url = str(req.get("Url", "*")).removeprefix("https://")
    return f"arn:{call.scope.partition}:iam::{call.account}:oidc-provider/{url}"


def new(kind: str, member: str) -> ResourceOf:
    """The resource that a request will make, with its path."""

    def resource(call: Call, req: Mapping[str, Any]) -> str:
        name = f"{req.get('Path', '/')}{req.get(member, '*')}"
        return f"arn:{call.scope.partition}:iam::{call.account}:{kind}{name}"

    return resource


def passing_role(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Whoever puts a role into an instance profile passes it to EC2."""
    role = named("role", "RoleName")(call, req)
    context = {"iam:passedtoservice": ("ec2.amazonaws.com",)}
    yield Permission("iam:PassRole", (str(role),), context)


def new_linked_role(call: Call, req: Mapping[str, Any]) -> str:
    """The service-linked role that is to be made."""
    service = str(req.get("AWSServiceName", "*"))
    linked = find_linked(service)
    name = "*" if linked is None else linked.role_name(req.get("CustomSuffix"))
    path = f"role{SERVICE_LINKED_PATH}{service}/{name}"
    return f"arn:{call.scope.partition}:iam::{call.account}:{path}"


def deleted_role(call: Call, req: Mapping[str, Any]) -> str:
    """The service-linked role that a task deletes."""
    role = str(req.get("DeletionTaskId", "*")).removeprefix("task/").rpartition("/")[0] or "*"
    return f"arn:{call.scope.partition}:iam::{call.account}:role/{role}"


def of_linking(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """iam:AWSServiceName."""
    return {"iam:awsservicename": (str(req.get("AWSServiceName", "")),)}


def of_assuming(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """What trust policies may ask about. A web identity's token tells some of it."""
    members = {
        "sts:externalid": "ExternalId",
        "sts:rolesessionname": "RoleSessionName",
        "sts:sourceidentity": "SourceIdentity",
        "sts:durationseconds": "DurationSeconds",
    }
    told: dict[str, tuple[str, ...]] = {
        key: (str(req[member]),) for key, member in members.items() if member in req
    }
    handed_on = None if call.principal.session is None else call.principal.session.source_identity
    if handed_on:
        told.setdefault("sts:sourceidentity", (handed_on,))
    told |= tags.of_request(tags.listed("Tags")(req))
    if "TransitiveTagKeys" in req:
        told["sts:transitivetagkeys"] = tuple(req["TransitiveTagKeys"])
    if isinstance(call.proof, WebIdentity):
        told |= {**call.proof.keys, **tags.of_request(call.proof.tags.items())}
        if call.proof.source_identity:
            told["sts:sourceidentity"] = (call.proof.source_identity,)
        if call.proof.transitive:
            told["sts:transitivetagkeys"] = call.proof.transitive
    return told


def to_pass(call: Call, req: Mapping[str, Any]) -> list[Permission]:
    """Passing tags and a source identity, or handing on those of a chain, needs permissions of its own.

    AWS: IAM User Guide, "Pass session tags in AWS STS", section "Permissions required to add session tags".
    """
    context, resources = of_assuming(call, req), (passed_to(call, req),)
    needed: list[Permission] = []
    if context[tags.TAG_KEYS] or passed.inherited_tags(call.principal):
        needed.append(Permission("sts:TagSession", resources, context))
    if "sts:sourceidentity" in context:
        needed.append(Permission("sts:SetSourceIdentity", resources, context))
    return needed


def passed_to(call: Call, req: Mapping[str, Any]) -> str:
    """The role, or the federated user, that the session will be of. Raises: ValidationError for what is no ARN."""
    if "RoleArn" in req:
        role_arn = str(req["RoleArn"])
        rules.parse_role_arn(role_arn)  # here, for a refusal tells the ARN as it was sent
        return role_arn
    name = req.get("Name", "*")
    return f"arn:{call.scope.partition}:sts::{call.account}:federated-user/{name}"


def any_user(call: Call, req: Mapping[str, Any]) -> str:
    return f"arn:{call.scope.partition}:iam::{call.account}:user/*"


def of_key(call: Call, req: Mapping[str, Any]) -> KeyNamed:
    """Whose user only the key tells."""
    return KeyNamed(str(req.get("AccessKeyId", "")))


def tagging(new: ResourceOf, operation: str) -> PermissionsOfRequest:
    def permissions(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
        if req.get("Tags"):
            context = tags.of_request(_TAGS(req))
            yield Permission(f"iam:{operation}", (str(new(call, req)),), context)

    return permissions


def naming(**keys: str) -> ContextOf:
    """`keys`: those of IAM's own, each with the member that tells it."""

    def context(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return {f"iam:{key}": (str(req[name]),) for key, name in keys.items() if name in req}

    return context
