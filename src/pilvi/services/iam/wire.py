"""Generated from botocore's models. Do not edit."""

from __future__ import annotations

from typing import NotRequired, Required, TypedDict

EpochMs = int

AccessKey = TypedDict(
    "AccessKey",
    {
        "UserName": Required[str],
        "AccessKeyId": Required[str],
        "Status": Required[str],
        "SecretAccessKey": Required[str],
        "CreateDate": NotRequired[EpochMs],
    },
)
AccessKeyMetadata = TypedDict(
    "AccessKeyMetadata",
    {
        "UserName": NotRequired[str],
        "AccessKeyId": NotRequired[str],
        "Status": NotRequired[str],
        "CreateDate": NotRequired[EpochMs],
    },
)
AddUserToGroupRequest = TypedDict(
    "AddUserToGroupRequest",
    {
        "GroupName": Required[str],
        "UserName": Required[str],
    },
)
AssumeRoleRequest = TypedDict(
    "AssumeRoleRequest",
    {
        "RoleArn": Required[str],
        "RoleSessionName": Required[str],
        "PolicyArns": NotRequired[list["PolicyDescriptorType"]],
        "Policy": NotRequired[str],
        "DurationSeconds": NotRequired[int],
        "Tags": NotRequired[list["Tag"]],
        "TransitiveTagKeys": NotRequired[list[str]],
        "ExternalId": NotRequired[str],
        "SerialNumber": NotRequired[str],
        "TokenCode": NotRequired[str],
        "SourceIdentity": NotRequired[str],
        "ProvidedContexts": NotRequired[list["ProvidedContext"]],
        "MinimumSessionTokenSize": NotRequired[int],
    },
)
AssumeRoleResponse = TypedDict(
    "AssumeRoleResponse",
    {
        "Credentials": NotRequired["Credentials"],
        "AssumedRoleUser": NotRequired["AssumedRoleUser"],
        "PackedPolicySize": NotRequired[int],
        "SourceIdentity": NotRequired[str],
        "SessionTokenUtilization": NotRequired[int],
        "SessionTokenSize": NotRequired[int],
    },
)
AssumedRoleUser = TypedDict(
    "AssumedRoleUser",
    {
        "AssumedRoleId": Required[str],
        "Arn": Required[str],
    },
)
AttachGroupPolicyRequest = TypedDict(
    "AttachGroupPolicyRequest",
    {
        "GroupName": Required[str],
        "PolicyArn": Required[str],
    },
)
AttachRolePolicyRequest = TypedDict(
    "AttachRolePolicyRequest",
    {
        "RoleName": Required[str],
        "PolicyArn": Required[str],
    },
)
AttachUserPolicyRequest = TypedDict(
    "AttachUserPolicyRequest",
    {
        "UserName": Required[str],
        "PolicyArn": Required[str],
    },
)
AttachedPermissionsBoundary = TypedDict(
    "AttachedPermissionsBoundary",
    {
        "PermissionsBoundaryType": NotRequired[str],
        "PermissionsBoundaryArn": NotRequired[str],
    },
)
AttachedPolicy = TypedDict(
    "AttachedPolicy",
    {
        "PolicyName": NotRequired[str],
        "PolicyArn": NotRequired[str],
    },
)
CreateAccessKeyRequest = TypedDict(
    "CreateAccessKeyRequest",
    {
        "UserName": NotRequired[str],
    },
)
CreateAccessKeyResponse = TypedDict(
    "CreateAccessKeyResponse",
    {
        "AccessKey": Required["AccessKey"],
    },
)
CreateGroupRequest = TypedDict(
    "CreateGroupRequest",
    {
        "Path": NotRequired[str],
        "GroupName": Required[str],
    },
)
CreateGroupResponse = TypedDict(
    "CreateGroupResponse",
    {
        "Group": Required["Group"],
    },
)
CreatePolicyRequest = TypedDict(
    "CreatePolicyRequest",
    {
        "PolicyName": Required[str],
        "Path": NotRequired[str],
        "PolicyDocument": Required[str],
        "Description": NotRequired[str],
        "Tags": NotRequired[list["Tag"]],
    },
)
CreatePolicyResponse = TypedDict(
    "CreatePolicyResponse",
    {
        "Policy": NotRequired["Policy"],
    },
)
CreatePolicyVersionRequest = TypedDict(
    "CreatePolicyVersionRequest",
    {
        "PolicyArn": Required[str],
        "PolicyDocument": Required[str],
        "SetAsDefault": NotRequired[bool],
    },
)
CreatePolicyVersionResponse = TypedDict(
    "CreatePolicyVersionResponse",
    {
        "PolicyVersion": NotRequired["PolicyVersion"],
    },
)
CreateRoleRequest = TypedDict(
    "CreateRoleRequest",
    {
        "Path": NotRequired[str],
        "RoleName": Required[str],
        "AssumeRolePolicyDocument": Required[str],
        "Description": NotRequired[str],
        "MaxSessionDuration": NotRequired[int],
        "PermissionsBoundary": NotRequired[str],
        "Tags": NotRequired[list["Tag"]],
    },
)
CreateRoleResponse = TypedDict(
    "CreateRoleResponse",
    {
        "Role": Required["Role"],
    },
)
CreateUserRequest = TypedDict(
    "CreateUserRequest",
    {
        "Path": NotRequired[str],
        "UserName": Required[str],
        "PermissionsBoundary": NotRequired[str],
        "Tags": NotRequired[list["Tag"]],
    },
)
CreateUserResponse = TypedDict(
    "CreateUserResponse",
    {
        "User": NotRequired["User"],
    },
)
Credentials = TypedDict(
    "Credentials",
    {
        "AccessKeyId": Required[str],
        "SecretAccessKey": Required[str],
        "SessionToken": Required[str],
        "Expiration": Required[EpochMs],
    },
)
DeleteAccessKeyRequest = TypedDict(
    "DeleteAccessKeyRequest",
    {
        "UserName": NotRequired[str],
        "AccessKeyId": Required[str],
    },
)
DeleteGroupPolicyRequest = TypedDict(
    "DeleteGroupPolicyRequest",
    {
        "GroupName": Required[str],
        "PolicyName": Required[str],
    },
)
DeleteGroupRequest = TypedDict(
    "DeleteGroupRequest",
    {
        "GroupName": Required[str],
    },
)
DeletePolicyRequest = TypedDict(
    "DeletePolicyRequest",
    {
        "PolicyArn": Required[str],
    },
)
DeletePolicyVersionRequest = TypedDict(
    "DeletePolicyVersionRequest",
    {
        "PolicyArn": Required[str],
        "VersionId": Required[str],
    },
)
DeleteRolePolicyRequest = TypedDict(
    "DeleteRolePolicyRequest",
    {
        "RoleName": Required[str],
        "PolicyName": Required[str],
    },
)
DeleteRoleRequest = TypedDict(
    "DeleteRoleRequest",
    {
        "RoleName": Required[str],
    },
)
DeleteUserPolicyRequest = TypedDict(
    "DeleteUserPolicyRequest",
    {
        "UserName": Required[str],
        "PolicyName": Required[str],
    },
)
DeleteUserRequest = TypedDict(
    "DeleteUserRequest",
    {
        "UserName": Required[str],
    },
)
DetachGroupPolicyRequest = TypedDict(
    "DetachGroupPolicyRequest",
    {
        "GroupName": Required[str],
        "PolicyArn": Required[str],
    },
)
DetachRolePolicyRequest = TypedDict(
    "DetachRolePolicyRequest",
    {
        "RoleName": Required[str],
        "PolicyArn": Required[str],
    },
)
DetachUserPolicyRequest = TypedDict(
    "DetachUserPolicyRequest",
    {
        "UserName": Required[str],
        "PolicyArn": Required[str],
    },
)
GetAccessKeyInfoRequest = TypedDict(
    "GetAccessKeyInfoRequest",
    {
        "AccessKeyId": Required[str],
    },
)
GetAccessKeyInfoResponse = TypedDict(
    "GetAccessKeyInfoResponse",
    {
        "Account": NotRequired[str],
    },
)
GetCallerIdentityRequest = TypedDict(
    "GetCallerIdentityRequest",
    {},
)
GetCallerIdentityResponse = TypedDict(
    "GetCallerIdentityResponse",
    {
        "UserId": NotRequired[str],
        "Account": NotRequired[str],
        "Arn": NotRequired[str],
    },
)
GetGroupPolicyRequest = TypedDict(
    "GetGroupPolicyRequest",
    {
        "GroupName": Required[str],
        "PolicyName": Required[str],
    },
)
GetGroupPolicyResponse = TypedDict(
    "GetGroupPolicyResponse",
    {
        "GroupName": Required[str],
        "PolicyName": Required[str],
        "PolicyDocument": Required[str],
    },
)
GetGroupRequest = TypedDict(
    "GetGroupRequest",
    {
        "GroupName": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
GetGroupResponse = TypedDict(
    "GetGroupResponse",
    {
        "Group": Required["Group"],
        "Users": Required[list["User"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
GetPolicyRequest = TypedDict(
    "GetPolicyRequest",
    {
        "PolicyArn": Required[str],
    },
)
GetPolicyResponse = TypedDict(
    "GetPolicyResponse",
    {
        "Policy": NotRequired["Policy"],
    },
)
GetPolicyVersionRequest = TypedDict(
    "GetPolicyVersionRequest",
    {
        "PolicyArn": Required[str],
        "VersionId": Required[str],
    },
)
GetPolicyVersionResponse = TypedDict(
    "GetPolicyVersionResponse",
    {
        "PolicyVersion": NotRequired["PolicyVersion"],
    },
)
GetRolePolicyRequest = TypedDict(
    "GetRolePolicyRequest",
    {
        "RoleName": Required[str],
        "PolicyName": Required[str],
    },
)
GetRolePolicyResponse = TypedDict(
    "GetRolePolicyResponse",
    {
        "RoleName": Required[str],
        "PolicyName": Required[str],
        "PolicyDocument": Required[str],
    },
)
GetRoleRequest = TypedDict(
    "GetRoleRequest",
    {
        "RoleName": Required[str],
    },
)
GetRoleResponse = TypedDict(
    "GetRoleResponse",
    {
        "Role": Required["Role"],
    },
)
GetSessionTokenRequest = TypedDict(
    "GetSessionTokenRequest",
    {
        "DurationSeconds": NotRequired[int],
        "SerialNumber": NotRequired[str],
        "TokenCode": NotRequired[str],
        "MinimumSessionTokenSize": NotRequired[int],
    },
)
GetSessionTokenResponse = TypedDict(
    "GetSessionTokenResponse",
    {
        "Credentials": NotRequired["Credentials"],
        "SessionTokenUtilization": NotRequired[int],
        "SessionTokenSize": NotRequired[int],
    },
)
GetUserPolicyRequest = TypedDict(
    "GetUserPolicyRequest",
    {
        "UserName": Required[str],
        "PolicyName": Required[str],
    },
)
GetUserPolicyResponse = TypedDict(
    "GetUserPolicyResponse",
    {
        "UserName": Required[str],
        "PolicyName": Required[str],
        "PolicyDocument": Required[str],
    },
)
GetUserRequest = TypedDict(
    "GetUserRequest",
    {
        "UserName": NotRequired[str],
    },
)
GetUserResponse = TypedDict(
    "GetUserResponse",
    {
        "User": Required["User"],
    },
)
Group = TypedDict(
    "Group",
    {
        "Path": Required[str],
        "GroupName": Required[str],
        "GroupId": Required[str],
        "Arn": Required[str],
        "CreateDate": Required[EpochMs],
    },
)
InstanceProfile = TypedDict(
    "InstanceProfile",
    {
        "Path": Required[str],
        "InstanceProfileName": Required[str],
        "InstanceProfileId": Required[str],
        "Arn": Required[str],
        "CreateDate": Required[EpochMs],
        "Roles": Required[list["Role"]],
        "Tags": NotRequired[list["Tag"]],
    },
)
ListAccessKeysRequest = TypedDict(
    "ListAccessKeysRequest",
    {
        "UserName": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListAccessKeysResponse = TypedDict(
    "ListAccessKeysResponse",
    {
        "AccessKeyMetadata": Required[list["AccessKeyMetadata"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListAttachedGroupPoliciesRequest = TypedDict(
    "ListAttachedGroupPoliciesRequest",
    {
        "GroupName": Required[str],
        "PathPrefix": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListAttachedGroupPoliciesResponse = TypedDict(
    "ListAttachedGroupPoliciesResponse",
    {
        "AttachedPolicies": NotRequired[list["AttachedPolicy"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListAttachedRolePoliciesRequest = TypedDict(
    "ListAttachedRolePoliciesRequest",
    {
        "RoleName": Required[str],
        "PathPrefix": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListAttachedRolePoliciesResponse = TypedDict(
    "ListAttachedRolePoliciesResponse",
    {
        "AttachedPolicies": NotRequired[list["AttachedPolicy"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListAttachedUserPoliciesRequest = TypedDict(
    "ListAttachedUserPoliciesRequest",
    {
        "UserName": Required[str],
        "PathPrefix": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListAttachedUserPoliciesResponse = TypedDict(
    "ListAttachedUserPoliciesResponse",
    {
        "AttachedPolicies": NotRequired[list["AttachedPolicy"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListEntitiesForPolicyRequest = TypedDict(
    "ListEntitiesForPolicyRequest",
    {
        "PolicyArn": Required[str],
        "EntityFilter": NotRequired[str],
        "PathPrefix": NotRequired[str],
        "PolicyUsageFilter": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListEntitiesForPolicyResponse = TypedDict(
    "ListEntitiesForPolicyResponse",
    {
        "PolicyGroups": NotRequired[list["PolicyGroup"]],
        "PolicyUsers": NotRequired[list["PolicyUser"]],
        "PolicyRoles": NotRequired[list["PolicyRole"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListGroupPoliciesRequest = TypedDict(
    "ListGroupPoliciesRequest",
    {
        "GroupName": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListGroupPoliciesResponse = TypedDict(
    "ListGroupPoliciesResponse",
    {
        "PolicyNames": Required[list[str]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListGroupsForUserRequest = TypedDict(
    "ListGroupsForUserRequest",
    {
        "UserName": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListGroupsForUserResponse = TypedDict(
    "ListGroupsForUserResponse",
    {
        "Groups": Required[list["Group"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListGroupsRequest = TypedDict(
    "ListGroupsRequest",
    {
        "PathPrefix": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListGroupsResponse = TypedDict(
    "ListGroupsResponse",
    {
        "Groups": Required[list["Group"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListInstanceProfilesForRoleRequest = TypedDict(
    "ListInstanceProfilesForRoleRequest",
    {
        "RoleName": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListInstanceProfilesForRoleResponse = TypedDict(
    "ListInstanceProfilesForRoleResponse",
    {
        "InstanceProfiles": Required[list["InstanceProfile"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListPoliciesRequest = TypedDict(
    "ListPoliciesRequest",
    {
        "Scope": NotRequired[str],
        "OnlyAttached": NotRequired[bool],
        "PathPrefix": NotRequired[str],
        "PolicyUsageFilter": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListPoliciesResponse = TypedDict(
    "ListPoliciesResponse",
    {
        "Policies": NotRequired[list["Policy"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListPolicyTagsRequest = TypedDict(
    "ListPolicyTagsRequest",
    {
        "PolicyArn": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListPolicyTagsResponse = TypedDict(
    "ListPolicyTagsResponse",
    {
        "Tags": Required[list["Tag"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListPolicyVersionsRequest = TypedDict(
    "ListPolicyVersionsRequest",
    {
        "PolicyArn": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListPolicyVersionsResponse = TypedDict(
    "ListPolicyVersionsResponse",
    {
        "Versions": NotRequired[list["PolicyVersion"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListRolePoliciesRequest = TypedDict(
    "ListRolePoliciesRequest",
    {
        "RoleName": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListRolePoliciesResponse = TypedDict(
    "ListRolePoliciesResponse",
    {
        "PolicyNames": Required[list[str]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListRoleTagsRequest = TypedDict(
    "ListRoleTagsRequest",
    {
        "RoleName": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListRoleTagsResponse = TypedDict(
    "ListRoleTagsResponse",
    {
        "Tags": Required[list["Tag"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListRolesRequest = TypedDict(
    "ListRolesRequest",
    {
        "PathPrefix": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListRolesResponse = TypedDict(
    "ListRolesResponse",
    {
        "Roles": Required[list["Role"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListUserPoliciesRequest = TypedDict(
    "ListUserPoliciesRequest",
    {
        "UserName": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListUserPoliciesResponse = TypedDict(
    "ListUserPoliciesResponse",
    {
        "PolicyNames": Required[list[str]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListUserTagsRequest = TypedDict(
    "ListUserTagsRequest",
    {
        "UserName": Required[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListUserTagsResponse = TypedDict(
    "ListUserTagsResponse",
    {
        "Tags": Required[list["Tag"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
ListUsersRequest = TypedDict(
    "ListUsersRequest",
    {
        "PathPrefix": NotRequired[str],
        "Marker": NotRequired[str],
        "MaxItems": NotRequired[int],
    },
)
ListUsersResponse = TypedDict(
    "ListUsersResponse",
    {
        "Users": Required[list["User"]],
        "IsTruncated": NotRequired[bool],
        "Marker": NotRequired[str],
    },
)
Policy = TypedDict(
    "Policy",
    {
        "PolicyName": NotRequired[str],
        "PolicyId": NotRequired[str],
        "Arn": NotRequired[str],
        "Path": NotRequired[str],
        "DefaultVersionId": NotRequired[str],
        "AttachmentCount": NotRequired[int],
        "PermissionsBoundaryUsageCount": NotRequired[int],
        "IsAttachable": NotRequired[bool],
        "Description": NotRequired[str],
        "CreateDate": NotRequired[EpochMs],
        "UpdateDate": NotRequired[EpochMs],
        "Tags": NotRequired[list["Tag"]],
    },
)
PolicyDescriptorType = TypedDict(
    "PolicyDescriptorType",
    {
        "arn": NotRequired[str],
    },
)
PolicyGroup = TypedDict(
    "PolicyGroup",
    {
        "GroupName": NotRequired[str],
        "GroupId": NotRequired[str],
    },
)
PolicyRole = TypedDict(
    "PolicyRole",
    {
        "RoleName": NotRequired[str],
        "RoleId": NotRequired[str],
    },
)
PolicyUser = TypedDict(
    "PolicyUser",
    {
        "UserName": NotRequired[str],
        "UserId": NotRequired[str],
    },
)
PolicyVersion = TypedDict(
    "PolicyVersion",
    {
        "Document": NotRequired[str],
        "VersionId": NotRequired[str],
        "IsDefaultVersion": NotRequired[bool],
        "CreateDate": NotRequired[EpochMs],
    },
)
ProvidedContext = TypedDict(
    "ProvidedContext",
    {
        "ProviderArn": NotRequired[str],
        "ContextAssertion": NotRequired[str],
    },
)
PutGroupPolicyRequest = TypedDict(
    "PutGroupPolicyRequest",
    {
        "GroupName": Required[str],
        "PolicyName": Required[str],
        "PolicyDocument": Required[str],
    },
)
PutRolePolicyRequest = TypedDict(
    "PutRolePolicyRequest",
    {
        "RoleName": Required[str],
        "PolicyName": Required[str],
        "PolicyDocument": Required[str],
    },
)
PutUserPolicyRequest = TypedDict(
    "PutUserPolicyRequest",
    {
        "UserName": Required[str],
        "PolicyName": Required[str],
        "PolicyDocument": Required[str],
    },
)
RemoveUserFromGroupRequest = TypedDict(
    "RemoveUserFromGroupRequest",
    {
        "GroupName": Required[str],
        "UserName": Required[str],
    },
)
Role = TypedDict(
    "Role",
    {
        "Path": Required[str],
        "RoleName": Required[str],
        "RoleId": Required[str],
        "Arn": Required[str],
        "CreateDate": Required[EpochMs],
        "AssumeRolePolicyDocument": NotRequired[str],
        "Description": NotRequired[str],
        "MaxSessionDuration": NotRequired[int],
        "PermissionsBoundary": NotRequired["AttachedPermissionsBoundary"],
        "Tags": NotRequired[list["Tag"]],
        "RoleLastUsed": NotRequired["RoleLastUsed"],
        "SourceRoleTemplate": NotRequired["SourceRoleTemplate"],
    },
)
RoleLastUsed = TypedDict(
    "RoleLastUsed",
    {
        "LastUsedDate": NotRequired[EpochMs],
        "Region": NotRequired[str],
    },
)
SetDefaultPolicyVersionRequest = TypedDict(
    "SetDefaultPolicyVersionRequest",
    {
        "PolicyArn": Required[str],
        "VersionId": Required[str],
    },
)
SourceRoleTemplate = TypedDict(
    "SourceRoleTemplate",
    {
        "TemplateArn": Required[str],
        "TemplateMinorVersion": Required[int],
    },
)
Tag = TypedDict(
    "Tag",
    {
        "Key": Required[str],
        "Value": Required[str],
    },
)
TagPolicyRequest = TypedDict(
    "TagPolicyRequest",
    {
        "PolicyArn": Required[str],
        "Tags": Required[list["Tag"]],
    },
)
TagRoleRequest = TypedDict(
    "TagRoleRequest",
    {
        "RoleName": Required[str],
        "Tags": Required[list["Tag"]],
    },
)
TagUserRequest = TypedDict(
    "TagUserRequest",
    {
        "UserName": Required[str],
        "Tags": Required[list["Tag"]],
    },
)
UntagPolicyRequest = TypedDict(
    "UntagPolicyRequest",
    {
        "PolicyArn": Required[str],
        "TagKeys": Required[list[str]],
    },
)
UntagRoleRequest = TypedDict(
    "UntagRoleRequest",
    {
        "RoleName": Required[str],
        "TagKeys": Required[list[str]],
    },
)
UntagUserRequest = TypedDict(
    "UntagUserRequest",
    {
        "UserName": Required[str],
        "TagKeys": Required[list[str]],
    },
)
UpdateAccessKeyRequest = TypedDict(
    "UpdateAccessKeyRequest",
    {
        "UserName": NotRequired[str],
        "AccessKeyId": Required[str],
        "Status": Required[str],
    },
)
UpdateAssumeRolePolicyRequest = TypedDict(
    "UpdateAssumeRolePolicyRequest",
    {
        "RoleName": Required[str],
        "PolicyDocument": Required[str],
    },
)
UpdateRoleDescriptionRequest = TypedDict(
    "UpdateRoleDescriptionRequest",
    {
        "RoleName": Required[str],
        "Description": Required[str],
    },
)
UpdateRoleDescriptionResponse = TypedDict(
    "UpdateRoleDescriptionResponse",
    {
        "Role": NotRequired["Role"],
    },
)
UpdateRoleRequest = TypedDict(
    "UpdateRoleRequest",
    {
        "RoleName": Required[str],
        "Description": NotRequired[str],
        "MaxSessionDuration": NotRequired[int],
    },
)
UpdateRoleResponse = TypedDict(
    "UpdateRoleResponse",
    {},
)
UpdateUserRequest = TypedDict(
    "UpdateUserRequest",
    {
        "UserName": Required[str],
        "NewPath": NotRequired[str],
        "NewUserName": NotRequired[str],
    },
)
User = TypedDict(
    "User",
    {
        "Path": Required[str],
        "UserName": Required[str],
        "UserId": Required[str],
        "Arn": Required[str],
        "CreateDate": Required[EpochMs],
        "PasswordLastUsed": NotRequired[EpochMs],
        "PermissionsBoundary": NotRequired["AttachedPermissionsBoundary"],
        "Tags": NotRequired[list["Tag"]],
    },
)
