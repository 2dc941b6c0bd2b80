"""Quotas. AWS: IAM User Guide, "IAM and AWS STS quotas"."""

ACCESS_KEYS_PER_USER = 2
TAGS_PER_RESOURCE = 50
GROUPS_PER_USER = 10
ATTACHED_POLICIES = 10
POLICY_VERSIONS = 5
ROLES_PER_PROFILE = 1
OIDC_CLIENTS = 100
OIDC_THUMBPRINTS = 5
TRUST_POLICY_SIZE = 2048
MANAGED_POLICY_SIZE = 6144
INLINE_POLICIES_SIZE = {"user": 2048, "role": 10_240, "group": 5120}
"""Characters of all inline policies of one entity together, white space not counted."""

PER_ACCOUNT = {
    "UsersPerAccount": 5000,
    "RolesPerAccount": 1000,
    "GroupsPerAccount": 300,
    "PoliciesPerAccount": 1500,
    "InstanceProfilesPerAccount": 1000,
    "OpenIdConnectProvidersPerAccount": 100,
    "SAMLProvidersPerAccount": 100,
}

METADATA_VALID_MS = 100 * 365 * 24 * 60 * 60 * 1000
"""Of SAML metadata that tells no end."""

SIMULATED_RESOURCES = 1000
SIMULATED_CHARACTERS = 1_000_000
SIMULATED_AT_ONCE = 20_000
"""Of one simulation: resources, characters of policies, and statements that are held against resources for a page. Not
quotas of AWS."""

PAGE_SIZE = 100
"""Items of a list when the request names no MaxItems."""

ROLE_SESSION_S_DEFAULT = 3600
CHAINED_SESSION_S_MAX = 3600
USER_SESSION_S_DEFAULT = 43_200
ROOT_SESSION_S_MAX = 3600
SERVICE_SESSION_S_MAX = 43_200
SESSION_TAGS = 50
SESSION_POLICY_ARNS = 10
SESSION_POLICY_CHARACTERS = 2048
PACKED_BYTES_MAX = 2048
"""Of session policies and tags together, packed. AWS does not publish its own number."""

EXPIRED_KEPT_MS = 24 * 60 * 60 * 1000
"""How long an expired session or a deleted key is remembered, so that its user is told so."""
SWEEP_EVERY_MS = 60 * 60 * 1000
SWEEP_BATCH = 500

DELETIONS_KEPT_MS = 7 * 24 * 60 * 60 * 1000
"""How long one may ask how the deletion of a service-linked role went; not told by AWS."""

CREDENTIALS_KEPT = 4096
"""Access keys that a process keeps in memory; not a quota of AWS."""

PERMISSIONS_KEPT = 4096
"""Users and roles whose policies a process keeps in memory; not a quota of AWS."""

MADE_UP_ROLES_TOLD = 1000
"""Roles that do not exist of which a process warns, once each; not a quota of AWS."""

MFA_DEVICES_PER_USER = 8
MFA_DEVICES = 5000
"""Of an account, in use or not."""
MFA_SEED_BYTES = 40
MFA_STEPS_BEHIND = 2
MFA_STEPS_AHEAD = 1
"""How many steps of 30 s a code may be late or early."""
MFA_ENABLE_STEPS_OFF = 20
MFA_RESYNC_STEPS_OFF = 120
"""How far a device's clock may be off: ten minutes, and one hour."""

WRONG_TRIES = 5
WRONG_TRIES_MS = 10 * 60 * 1000
"""So many wrong codes of a device, or passwords of a user, within ten minutes; AWS does not tell its own numbers."""

PASSWORD_LENGTH_DEFAULT = 6
"""Of a password policy that does not say; without any policy it is eight."""
DAY_MS = 24 * 60 * 60 * 1000

SSH_KEYS_PER_USER = 5
CERTIFICATES_PER_USER = 2
SERVICE_CREDENTIALS_PER_SERVICE = 2
SERVER_CERTIFICATES = 20

REPORT_KEPT_MS = 4 * 60 * 60 * 1000
REPORT_BATCH = 100
