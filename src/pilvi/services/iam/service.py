"""IAM and STS: two Services over the same records. What each operation acts on, for authorisation.

IAM has no regions; its records live under the account alone. ARNs of users, roles and groups are told here
without their path, which only the record knows: `permissions.entity_named` completes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pilvi.kit import tags
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.service import (
    Acts,
    ContextOf,
    PermissionsOfRequest,
    ResourceOf,
    Service,
    everything,
)
from pilvi.services.iam import told
from pilvi.services.iam.permissions import KeyNamed, entity_named, role_to_assume
from pilvi.services.iam.rules import SERVICE_LINKED_PATH
from pilvi.services.iam.service_linked_roles import find_linked
from pilvi.services.iam.sessions import factors, passed
from pilvi.services.iam.sessions.web_identity import WebIdentity, prove


def _named(kind: str, member: str) -> ResourceOf:
    """The resource `arn:aws:iam::ACCOUNT:kind/NAME`; the name is the caller's own where it is left out."""

    def resource(call: Call, req: Mapping[str, Any]) -> str:
        name = req.get(member)
        if name is None and kind == "user" and call.principal.arn.partition(":user/")[1]:
            return call.principal.arn
        return f"arn:{call.scope.partition}:iam::{call.account}:{kind}/{name or '*'}"

    return resource


def _member(member: str) -> ResourceOf:
    """The resource is a member that is an ARN already."""

    def resource(call: Call, req: Mapping[str, Any]) -> str:
        return str(req.get(member, "*"))

    return resource


def _oidc_provider(call: Call, req: Mapping[str, Any]) -> str:
    """The provider that is made for a URL."""
    url = str(req.get("Url", "*")).removeprefix("https://")
    return f"arn:{call.scope.partition}:iam::{call.account}:oidc-provider/{url}"


def _new(kind: str, member: str) -> ResourceOf:
    """The resource that a request will make, with its path."""

    def resource(call: Call, req: Mapping[str, Any]) -> str:
        name = f"{req.get('Path', '/')}{req.get(member, '*')}"
        return f"arn:{call.scope.partition}:iam::{call.account}:{kind}{name}"

    return resource


def _passing(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
    """Whoever puts a role into an instance profile passes it to EC2."""
    role = _named("role", "RoleName")(call, req)
    context = {"iam:passedtoservice": ("ec2.amazonaws.com",)}
    yield Permission("iam:PassRole", (str(role),), context)


def _linked(call: Call, req: Mapping[str, Any]) -> str:
    """The service-linked role that is to be made."""
    service = str(req.get("AWSServiceName", "*"))
    linked = find_linked(service)
    name = "*" if linked is None else linked.role_name(req.get("CustomSuffix"))
    path = f"role{SERVICE_LINKED_PATH}{service}/{name}"
    return f"arn:{call.scope.partition}:iam::{call.account}:{path}"


def _deleted(call: Call, req: Mapping[str, Any]) -> str:
    """The service-linked role that a task deletes."""
    role = str(req.get("DeletionTaskId", "*")).removeprefix("task/").rpartition("/")[0] or "*"
    return f"arn:{call.scope.partition}:iam::{call.account}:role/{role}"


def _of_linking(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """iam:AWSServiceName."""
    return {"iam:awsservicename": (str(req.get("AWSServiceName", "")),)}


def _of_assuming(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
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


def _to_pass(call: Call, req: Mapping[str, Any]) -> list[Permission]:
    """Passing tags and a source identity, or handing on those of a chain, needs permissions of its own.

    AWS: IAM User Guide, "Pass session tags in AWS STS", section "Permissions required to add session tags".
    """
    context, resources = _of_assuming(call, req), (_passed_to(call, req),)
    needed: list[Permission] = []
    if context[tags.TAG_KEYS] or passed.inherited_tags(call.principal):
        needed.append(Permission("sts:TagSession", resources, context))
    if "sts:sourceidentity" in context:
        needed.append(Permission("sts:SetSourceIdentity", resources, context))
    return needed


def _passed_to(call: Call, req: Mapping[str, Any]) -> str:
    """The role, or the federated user, that the session will be of."""
    if "RoleArn" in req:
        return str(req["RoleArn"])
    name = req.get("Name", "*")
    return f"arn:{call.scope.partition}:sts::{call.account}:federated-user/{name}"


def _any_user(call: Call, req: Mapping[str, Any]) -> str:
    return f"arn:{call.scope.partition}:iam::{call.account}:user/*"


def _of_key(call: Call, req: Mapping[str, Any]) -> KeyNamed:
    """Whose user only the key tells."""
    return KeyNamed(str(req.get("AccessKeyId", "")))


_TAGGING = {
    "CreateUser": "TagUser",
    "CreateRole": "TagRole",
    "CreatePolicy": "TagPolicy",
    "CreateInstanceProfile": "TagInstanceProfile",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "CreateSAMLProvider": "TagSAMLProvider",
    "CreateVirtualMFADevice": "TagMFADevice",
    "UploadServerCertificate": "TagServerCertificate",
}
"""What is made with tags needs the permission to tag, too."""
_TAGS = tags.listed("Tags")
_BOUNDING = (
    *("CreateUser", "PutUserPermissionsBoundary", "CreateRole", "PutRolePermissionsBoundary"),
)


def _told(acts: Mapping[str, Acts]) -> Mapping[str, Acts]:
    """With the tags, policies and boundaries that requests name."""
    told: dict[str, Acts] = {}
    for name, one in acts.items():
        if name.startswith(("Untag", "Tag")):
            one = replace(one, tags=tags.named("TagKeys") if name.startswith("U") else _TAGS)
        elif name in _TAGGING:
            one = replace(one, tags=_TAGS, also=_tagging(one.resource, _TAGGING[name]))
        if name in _BOUNDING:
            one = replace(one, context=_naming(permissionsboundary="PermissionsBoundary"))
        elif name.startswith(("Attach", "Detach")):
            one = replace(one, context=_naming(policyarn="PolicyArn"))
        elif name == "CreateServiceSpecificCredential":
            one = replace(one, context=_naming(servicespecificcredentialservicename="ServiceName"))
        told[name] = one
    return told


def _tagging(made: ResourceOf, operation: str) -> PermissionsOfRequest:
    def permissions(call: Call, req: Mapping[str, Any]) -> Iterator[Permission]:
        if req.get("Tags"):
            context = tags.of_request(_TAGS(req))
            yield Permission(f"iam:{operation}", (str(made(call, req)),), context)

    return permissions


def _naming(**keys: str) -> ContextOf:
    """`keys`: those of IAM's own, each with the member that tells it."""

    def context(call: Call, req: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        return {f"iam:{key}": (str(req[name]),) for key, name in keys.items() if name in req}

    return context


_USER = Acts(_named("user", "UserName"))
_ROLE = Acts(_named("role", "RoleName"))
_GROUP = Acts(_named("group", "GroupName"))
_PROFILE = Acts(_named("instance-profile", "InstanceProfileName"))
_POLICY = Acts(_member("PolicyArn"))
_DEVICE = Acts(_member("SerialNumber"))
_ALL = Acts(everything)

iam = Service(
    "iam",
    on_resource=entity_named,
    accepted={
        "ListAccountAliases": dict.fromkeys(
            ("Marker", "MaxItems"), "an account has one alias at most, so every page holds it"
        )
    },
    condition_keys=frozenset(
        {
            *("iam:passedtoservice", "iam:associatedresourcearn", "iam:awsservicename"),
            *("iam:policyarn", "iam:servicespecificcredentialagedays"),
            # of security keys, which nobody can have here
            *("iam:registersecuritykey", "iam:fido-certification"),
            *("iam:fido-fips-140-2-certification", "iam:fido-fips-140-3-certification"),
        }
    ),
    tells=told.tells,
    acts={
        **dict.fromkeys(
            (
                "GetUser",
                "UpdateUser",
                "DeleteUser",
                "TagUser",
                "UntagUser",
                "ListUserTags",
                "CreateAccessKey",
                "ListAccessKeys",
                "UpdateAccessKey",
                "DeleteAccessKey",
                "PutUserPolicy",
                "GetUserPolicy",
                "ListUserPolicies",
                "DeleteUserPolicy",
                "AttachUserPolicy",
                "DetachUserPolicy",
                "ListAttachedUserPolicies",
                "ListGroupsForUser",
                "PutUserPermissionsBoundary",
                "DeleteUserPermissionsBoundary",
            ),
            _USER,
        ),
        **dict.fromkeys(
            (
                "GetRole",
                "UpdateRole",
                "UpdateRoleDescription",
                "DeleteRole",
                "UpdateAssumeRolePolicy",
                "TagRole",
                "UntagRole",
                "ListRoleTags",
                "ListInstanceProfilesForRole",
                "DeleteServiceLinkedRole",
                "PutRolePolicy",
                "GetRolePolicy",
                "ListRolePolicies",
                "DeleteRolePolicy",
                "AttachRolePolicy",
                "DetachRolePolicy",
                "ListAttachedRolePolicies",
                "PutRolePermissionsBoundary",
                "DeleteRolePermissionsBoundary",
            ),
            _ROLE,
        ),
        **dict.fromkeys(
            (
                "GetGroup",
                "UpdateGroup",
                "DeleteGroup",
                "AddUserToGroup",
                "RemoveUserFromGroup",
                "PutGroupPolicy",
                "GetGroupPolicy",
                "ListGroupPolicies",
                "DeleteGroupPolicy",
                "AttachGroupPolicy",
                "DetachGroupPolicy",
                "ListAttachedGroupPolicies",
            ),
            _GROUP,
        ),
        **dict.fromkeys(
            (
                "GetPolicy",
                "DeletePolicy",
                "CreatePolicyVersion",
                "GetPolicyVersion",
                "ListPolicyVersions",
                "SetDefaultPolicyVersion",
                "DeletePolicyVersion",
                "TagPolicy",
                "UntagPolicy",
                "ListPolicyTags",
                "ListEntitiesForPolicy",
            ),
            _POLICY,
        ),
        **dict.fromkeys(
            (
                "CreateInstanceProfile",
                "GetInstanceProfile",
                "DeleteInstanceProfile",
                "RemoveRoleFromInstanceProfile",
                "TagInstanceProfile",
                "UntagInstanceProfile",
                "ListInstanceProfileTags",
            ),
            _PROFILE,
        ),
        "AddRoleToInstanceProfile": Acts(_PROFILE.resource, also=_passing),
        "ListInstanceProfiles": _ALL,
        "CreateServiceLinkedRole": Acts(_linked, context=_of_linking),
        "GetServiceLinkedRoleDeletionStatus": Acts(_deleted),
        "CreateSAMLProvider": Acts(_named("saml-provider", "Name")),
        "ListSAMLProviders": _ALL,
        **dict.fromkeys(
            (
                "GetSAMLProvider",
                "UpdateSAMLProvider",
                "DeleteSAMLProvider",
                "TagSAMLProvider",
                "UntagSAMLProvider",
                "ListSAMLProviderTags",
            ),
            Acts(_member("SAMLProviderArn")),
        ),
        "ListPoliciesGrantingServiceAccess": Acts(_member("Arn")),
        "SimulateCustomPolicy": _ALL,
        "GetContextKeysForCustomPolicy": _ALL,
        "SimulatePrincipalPolicy": Acts(_member("PolicySourceArn")),
        "GetContextKeysForPrincipalPolicy": Acts(_member("PolicySourceArn")),
        "CreateOpenIDConnectProvider": Acts(_oidc_provider),
        "ListOpenIDConnectProviders": _ALL,
        **dict.fromkeys(
            (
                "GetOpenIDConnectProvider",
                "DeleteOpenIDConnectProvider",
                "AddClientIDToOpenIDConnectProvider",
                "RemoveClientIDFromOpenIDConnectProvider",
                "UpdateOpenIDConnectProviderThumbprint",
                "TagOpenIDConnectProvider",
                "UntagOpenIDConnectProvider",
                "ListOpenIDConnectProviderTags",
            ),
            Acts(_member("OpenIDConnectProviderArn")),
        ),
        "CreateUser": Acts(_new("user", "UserName")),
        "CreateRole": Acts(_new("role", "RoleName")),
        "CreateGroup": Acts(_new("group", "GroupName")),
        "CreatePolicy": Acts(_new("policy", "PolicyName")),
        **dict.fromkeys(
            (
                *("GetServerCertificate", "UpdateServerCertificate", "DeleteServerCertificate"),
                *("TagServerCertificate", "UntagServerCertificate", "ListServerCertificateTags"),
            ),
            Acts(_named("server-certificate", "ServerCertificateName")),
        ),
        "UploadServerCertificate": Acts(_new("server-certificate", "ServerCertificateName")),
        "CreateVirtualMFADevice": Acts(_new("mfa", "VirtualMFADeviceName")),
        **dict.fromkeys(
            ("DeleteVirtualMFADevice", "TagMFADevice", "UntagMFADevice", "ListMFADeviceTags"),
            _DEVICE,
        ),
        **dict.fromkeys(
            (
                *("EnableMFADevice", "ResyncMFADevice", "DeactivateMFADevice"),
                *("GetMFADevice", "ListMFADevices"),
                *("CreateLoginProfile", "GetLoginProfile", "UpdateLoginProfile"),
                *("DeleteLoginProfile", "ChangePassword"),
                *("UploadSSHPublicKey", "GetSSHPublicKey", "ListSSHPublicKeys"),
                *("UpdateSSHPublicKey", "DeleteSSHPublicKey"),
                *("UploadSigningCertificate", "ListSigningCertificates"),
                *("UpdateSigningCertificate", "DeleteSigningCertificate"),
                *("CreateServiceSpecificCredential", "ListServiceSpecificCredentials"),
                *("UpdateServiceSpecificCredential", "ResetServiceSpecificCredential"),
                "DeleteServiceSpecificCredential",
            ),
            _USER,
        ),
        **dict.fromkeys(
            (
                "ListVirtualMFADevices",
                "ListServerCertificates",
                *("CreateAccountAlias", "DeleteAccountAlias", "ListAccountAliases"),
                *("GetAccountSummary", "GetAccountAuthorizationDetails"),
                *("GenerateCredentialReport", "GetCredentialReport"),
                "GetAccountPasswordPolicy",
                "UpdateAccountPasswordPolicy",
                "DeleteAccountPasswordPolicy",
            ),
            _ALL,
        ),
        "ListUsers": _ALL,
        "ListRoles": _ALL,
        "ListGroups": _ALL,
        "ListPolicies": _ALL,
        "GetAccessKeyLastUsed": Acts(_any_user, told=_of_key),
        "GenerateServiceLastAccessedDetails": Acts(_member("Arn")),
        "GetServiceLastAccessedDetails": _ALL,
        "GetServiceLastAccessedDetailsWithEntities": _ALL,
    },
)

iam.acts = _told(iam.acts)

sts = Service(
    "sts",
    acts={
        "GetCallerIdentity": Acts(everything, free=True),
        "GetSessionToken": Acts(everything, free=True),
        "GetAccessKeyInfo": _ALL,
        "DecodeAuthorizationMessage": _ALL,
        "GetFederationToken": Acts(_passed_to, context=_of_assuming, also=_to_pass),
        "AssumeRole": Acts(_passed_to, context=_of_assuming, told=factors.shown_in, also=_to_pass),
        "AssumeRoleWithWebIdentity": Acts(
            _passed_to, context=_of_assuming, also=_to_pass, proves=prove
        ),
    },
    accepted={
        "AssumeRole": {
            "ExternalId": "It matters to the role's trust policy, which is asked before.",
        }
    },
    on_resource=role_to_assume,
    condition_keys=frozenset(
        {
            *("sts:externalid", "sts:rolesessionname", "sts:sourceidentity", "sts:durationseconds"),
            *("sts:transitivetagkeys", "aws:requesttag/*", "aws:resourcetag/*", "aws:tagkeys"),
            "iam:resourcetag/*",
        }
    ),
)
