"""Quotas. AWS: SQS Developer Guide, "Amazon SQS quotas"."""

from __future__ import annotations

BODY_BYTES_MAX = 8 * 1024 * 1024
"""Of a request: a batch of 1 MiB of messages, escaped twice and with base64 inside."""

MESSAGE_BYTES_MAX = 1024 * 1024
BATCH_BYTES_MAX = 1024 * 1024
BATCH_ENTRIES_MAX = 10
ATTRIBUTES_PER_MESSAGE_MAX = 10

IN_FLIGHT_MAX = 120_000
VISIBILITY_S_MAX = 12 * 3600
WAIT_S_MAX = 20
DELAY_S_MAX = 900

DEDUPLICATION_MS = 5 * 60 * 1000
DELETED_MS = 60 * 1000
PURGED_MS = 60 * 1000

TAGS_MAX = 50
TAG_KEY_CHARACTERS_MAX = 128
TAG_VALUE_CHARACTERS_MAX = 256

LIST_MAX = 1000
MOVE_TASKS_LISTED_MAX = 10
MOVED_PER_SECOND_MAX = 500

POLICIES_KEPT = 4096
POLICY_ACTIONS_MAX = 7
POLICY_BYTES_MAX = 8192
POLICY_PRINCIPALS_MAX = 50
POLICY_STATEMENTS_MAX = 20

SETTLED_AT_ONCE = 200
"""How many messages that are due (delays, visibility, retention) one transaction moves at most."""
PASSED_AT_ONCE = 200
"""How many messages one receive may find expired or dead before it answers with what it has."""
