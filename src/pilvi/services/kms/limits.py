"""Quotas. AWS: KMS Developer Guide, "Quotas"; the models of the operations."""

from __future__ import annotations

DAY_MS = 86_400_000

KEYS_MAX = 100_000
ALIASES_OF_KEY_MAX = 50
GRANTS_OF_KEY_MAX = 50_000
POLICY_BYTES_MAX = 32 * 1024
TAGS_MAX = 50
ON_DEMAND_ROTATIONS_MAX = 25
REPLICAS_MAX = 50

ROTATION_DAYS = 365
PENDING_DAYS = 30
"""Of a deletion: the default, and the most."""
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
