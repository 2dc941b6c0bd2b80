"""Quotas. AWS: Lambda Developer Guide, "Lambda quotas"."""

REQUEST_BYTES_MAX = 70_167_211
"""Of any request: a package of the greatest size in base64, and the rest of CreateFunction."""
SYNC_PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
ASYNC_PAYLOAD_BYTES_MAX = 1024 * 1024
CLIENT_CONTEXT_BYTES_MAX = 3583
"""In base64."""
OLD_ASYNC_PAYLOAD_BYTES_MAX = 256 * 1024
"""Of InvokeAsync."""

ZIPPED_BYTES_MAX = 50 * 1024 * 1024
UNZIPPED_BYTES_MAX = 262_144_000
CODE_BYTES_MAX = 80_530_636_800
ENVIRONMENT_BYTES_MAX = 4096
LAYERS_MAX = 5
TAGS_MAX = 50
POLICY_BYTES_MAX = 20_480

MEMORY_MB_MAX = 10_240
TIMEOUT_S_MAX = 900
TMP_MB_MAX = 10_240

CONCURRENCY = 1000
"""Of an account in a region."""
UNRESERVED_CONCURRENCY_MIN = 100

PAGE_MAX = 50
SIGNING_PAGE_MAX = 10_000

ASYNC_AGE_S_MAX = 21_600
ASYNC_ATTEMPTS_MAX = 3
ASYNC_FIRST_DELAY_S = 60
THROTTLED_PATIENCE_S = 2.0
"""How long an asynchronous invocation that was throttled waits for one of its function to end, before it is put off."""
THROTTLED_DELAY_MS = (1_000, 300_000)
"""The first and the longest delay of an asynchronous invocation that was throttled."""

RECORD_BYTES_MAX = 16 * 1024 * 1024
"""Of what is told of an invocation: its event, its answer, and what lies around them."""
MESSAGE_BYTES_MAX = 1024 * 1024
"""Of a message of SQS."""
SEND_ATTEMPTS_MAX = 12
ROLES_HELD = 1024
"""Functions for which Lambda keeps a session of its own of their role."""

LINK_MS = 600_000
"""How long a package can be downloaded from the address that GetFunction or GetLayerVersion gave."""

SESSION_S = 43_200
"""How long a function's credentials are valid."""
SESSION_MARGIN_MS = 1_800_000
"""They are renewed so long before they end: an invocation may take fifteen minutes."""
POLICIES_KEPT = 4096
"""Functions, versions and aliases of which it is kept in memory who may use them."""
FUNCTIONS_KEPT = 4096
"""Functions, versions and aliases of which it is kept in memory what runs when they are invoked."""
