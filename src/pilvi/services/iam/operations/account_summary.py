"""How much of everything an account has, and how much it may have."""

from __future__ import annotations

from typing import Any

from pilvi.kit.call import Call
from pilvi.services.iam import limits, records
from pilvi.services.iam.instance_profiles import INSTANCE_PROFILES
from pilvi.services.iam.proofs import mfa_devices
from pilvi.services.iam.proofs.mfa_devices import MFA_DEVICES
from pilvi.services.iam.proofs.server_certificates import SERVER_CERTIFICATES
from pilvi.services.iam.providers.oidc import OIDC_PROVIDERS
from pilvi.services.iam.providers.saml import SAML_PROVIDERS
from pilvi.services.iam.records import GROUPS, POLICIES, ROLES, USERS
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import GetAccountSummaryResponse
from pilvi.store.api import Snapshot
from pilvi.store.collection import Collection

_QUOTAS = {
    "AccessKeysPerUserQuota": limits.ACCESS_KEYS_PER_USER,
    "AssumeRolePolicySizeQuota": limits.TRUST_POLICY_SIZE,
    "AttachedPoliciesPerGroupQuota": limits.ATTACHED_POLICIES,
    "AttachedPoliciesPerRoleQuota": limits.ATTACHED_POLICIES,
    "AttachedPoliciesPerUserQuota": limits.ATTACHED_POLICIES,
    "GlobalEndpointTokenVersion": 1,
    "GroupPolicySizeQuota": limits.INLINE_POLICIES_SIZE["group"],
    "GroupsPerUserQuota": limits.GROUPS_PER_USER,
    "GroupsQuota": limits.PER_ACCOUNT["GroupsPerAccount"],
    "InstanceProfilesQuota": limits.PER_ACCOUNT["InstanceProfilesPerAccount"],
    "PoliciesQuota": limits.PER_ACCOUNT["PoliciesPerAccount"],
    "PolicySizeQuota": limits.MANAGED_POLICY_SIZE,
    "PolicyVersionsInUseQuota": 10_000,
    "RolePolicySizeQuota": limits.INLINE_POLICIES_SIZE["role"],
    "RolesQuota": limits.PER_ACCOUNT["RolesPerAccount"],
    "ServerCertificatesQuota": limits.SERVER_CERTIFICATES,
    "SigningCertificatesPerUserQuota": limits.CERTIFICATES_PER_USER,
    "UserPolicySizeQuota": limits.INLINE_POLICIES_SIZE["user"],
    "UsersQuota": limits.PER_ACCOUNT["UsersPerAccount"],
    "VersionsPerPolicyQuota": limits.POLICY_VERSIONS,
}


@iam.read("GetAccountSummary")
def get_account_summary(call: Call, at: Snapshot, req: object) -> GetAccountSummaryResponse:
    """AWS: GetAccountSummary. Root has no password here, for there is no console, and no signing certificates."""
    home = records.home_of(call.scope)

    def count(collection: Collection[Any]) -> int:
        return sum(1 for _ in collection.scan(at, home))

    root = records.get_root(at, call.scope)
    devices = list(MFA_DEVICES.scan(at, home))
    policies = list(POLICIES.scan(at, home))
    roots_devices = mfa_devices.of_holder(at, call.scope, root)
    counted = {
        "AccountAccessKeysPresent": int(bool(root.access_key_ids)),
        "AccountMFAEnabled": int(any(True for _ in roots_devices)),
        "AccountPasswordPresent": 0,
        "AccountSigningCertificatesPresent": 0,
        "Groups": count(GROUPS),
        "InstanceProfiles": count(INSTANCE_PROFILES),
        "MFADevices": len(devices),
        "MFADevicesInUse": sum(1 for device in devices if device.holder_id),
        "Policies": len(policies),
        "PolicyVersionsInUse": sum(len(policy.versions) for policy in policies),
        "Providers": count(OIDC_PROVIDERS) + count(SAML_PROVIDERS),
        "Roles": count(ROLES),
        "ServerCertificates": count(SERVER_CERTIFICATES),
        "Users": count(USERS),
    }
    return {"SummaryMap": {**counted, **_QUOTAS}}
