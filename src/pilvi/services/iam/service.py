"""IAM and STS: two Services over the same records. What each operation acts on, for authorisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pilvi.kit import tags
from pilvi.kit.service import Acts, Service, everything
from pilvi.services.iam import access, told
from pilvi.services.iam.permissions import entity_named, role_to_assume
from pilvi.services.iam.sessions import factors
from pilvi.services.iam.sessions.web_identity import prove

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
            one = replace(one, tags=_TAGS, also=access.tagging(one.resource, _TAGGING[name]))
        if name in _BOUNDING:
            one = replace(one, context=access.naming(permissionsboundary="PermissionsBoundary"))
        elif name.startswith(("Attach", "Detach")):
            one = replace(one, context=access.naming(policyarn="PolicyArn"))
        elif name == "CreateServiceSpecificCredential":
            one = replace(
                one, context=access.naming(servicespecificcredentialservicename="ServiceName")
            )
        told[name] = one
    return told


_USER = Acts(access.named("user", "UserName"))
_ROLE = Acts(access.named("role", "RoleName"))
_GROUP = Acts(access.named("group", "GroupName"))
_PROFILE = Acts(access.named("instance-profile", "InstanceProfileName"))
_POLICY = Acts(access.arn_in("PolicyArn"))
_DEVICE = Acts(access.arn_in("SerialNumber"))
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
        "AddRoleToInstanceProfile": Acts(_PROFILE.resource, also=access.passing_role),
        "ListInstanceProfiles": _ALL,
        "CreateServiceLinkedRole": Acts(access.new_linked_role, context=access.of_linking),
        "GetServiceLinkedRoleDeletionStatus": Acts(access.deleted_role),
        "CreateSAMLProvider": Acts(access.named("saml-provider", "Name")),
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
            Acts(access.arn_in("SAMLProviderArn")),
        ),
        "ListPoliciesGrantingServiceAccess": Acts(access.arn_in("Arn")),
        "SimulateCustomPolicy": _ALL,
        "GetContextKeysForCustomPolicy": _ALL,
        "SimulatePrincipalPolicy": Acts(access.arn_in("PolicySourceArn")),
        "GetContextKeysForPrincipalPolicy": Acts(access.arn_in("PolicySourceArn")),
        "CreateOpenIDConnectProvider": Acts(access.new_oidc_provider),
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
            Acts(access.arn_in("OpenIDConnectProviderArn")),
        ),
        "CreateUser": Acts(access.new("user", "UserName")),
        "CreateRole": Acts(access.new("role", "RoleName")),
        "CreateGroup": Acts(access.new("group", "GroupName")),
        "CreatePolicy": Acts(access.new("policy", "PolicyName")),
        **dict.fromkeys(
            (
                *("GetServerCertificate", "UpdateServerCertificate", "DeleteServerCertificate"),
                *("TagServerCertificate", "UntagServerCertificate", "ListServerCertificateTags"),
            ),
            Acts(access.named("server-certificate", "ServerCertificateName")),
        ),
        "UploadServerCertificate": Acts(access.new("server-certificate", "ServerCertificateName")),
        "CreateVirtualMFADevice": Acts(access.new("mfa", "VirtualMFADeviceName")),
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
        "GetAccessKeyLastUsed": Acts(access.any_user, told=access.of_key),
        "GenerateServiceLastAccessedDetails": Acts(access.arn_in("Arn")),
        "GetServiceLastAccessedDetails": _ALL,
        "GetServiceLastAccessedDetailsWithEntities": _ALL,
    },
)

iam.acts = _told(iam.acts)

sts = Service(
    "sts",
    validated_first=True,
    acts={
        "GetCallerIdentity": Acts(everything, free=True),
        "GetSessionToken": Acts(everything, free=True),
        "GetAccessKeyInfo": _ALL,
        "DecodeAuthorizationMessage": _ALL,
        "GetFederationToken": Acts(
            access.passed_to, context=access.of_assuming, also=access.to_pass
        ),
        "AssumeRole": Acts(
            access.passed_to, context=access.of_assuming, told=factors.shown_in, also=access.to_pass
        ),
        "AssumeRoleWithWebIdentity": Acts(
            access.passed_to, context=access.of_assuming, also=access.to_pass, proves=prove
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
