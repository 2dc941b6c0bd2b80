"""Quotas. AWS: KMS Developer Guide, "Quotas"; the models of the operations."""

from __future__ import annotations

DAY_MS = 86_400_000

KEYS_MAX = 10_000
"""Differs: AWS's quota is 100,000 in an account and Region; counting is a scan here."""
ALIASES_OF_KEY_MAX = 50
GRANTS_OF_KEY_MAX = 10_000
"""Differs: AWS's quota is 50,000."""
POLICY_BYTES_MAX = 32 * 1024
TAGS_MAX = 50
ON_DEMAND_ROTATIONS_MAX = 25
REPLICAS_MAX = 50

PLAINTEXT_BYTES_MAX = 4096
RANDOM_BYTES_MAX = 1024

ROTATION_DAYS = 365
PENDING_DAYS = 30
PENDING_DAYS_MIN = 7
IMPORT_TOKEN_MS = DAY_MS
IMPORT_VALID_MS_MAX = 365 * DAY_MS

PAGE_KEYS = 100
PAGE_KEYS_MAX = 1000
PAGE_FEW = 50
"""Default page of aliases, grants and tags."""
PAGE_FEW_MAX = 100
PAGE_TAGS_MAX = 50
PAGE_ROTATIONS = 100
PAGE_ROTATIONS_MAX = 1000

GRANTS_REMOVED_AT_ONCE = 1000
"""In one transaction, while a key is deleted."""
