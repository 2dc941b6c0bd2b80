"""Quotas of imports and exports, and how much their jobs do at a time.

AWS: DynamoDB Developer Guide, "Import format quotas and validation", "Quotas in Amazon DynamoDB".
"""

IMPORTS_AT_ONCE = 50
OBJECTS_MAX = 50_000
"""Of one import."""
TOKEN_LIFE_MS = 8 * 3600 * 1000
"""How long after its end a transfer is known by its ClientToken."""
KEPT_MS = 90 * 24 * 3600 * 1000
"""How long after its end a transfer is told of."""
PAGE_MAX = 25

EXPORTS_AT_ONCE = 300
FILE_BYTES = 8 * 1024 * 1024
"""Of a data file, before it is compressed: the next one begins behind the page that reaches it."""
READ_BYTES = 8 * FILE_BYTES
"""Of items for one data file, where a filter leaves most of them out."""
FILES_LISTED = 1000
"""How many data files one read tells."""
PERIOD_MS_MIN = 15 * 60 * 1000
PERIOD_MS_MAX = 24 * 3600 * 1000
"""Of an incremental export."""

LINE_BYTES_MAX = 4 * 1024 * 1024
"""Of a text that could be an item of 400 KB, escapes and base64 counted in."""
HEADER_BYTES_MAX = 256 * 1024
"""Of a CSV's first line."""
STEP_ITEMS = 500
STEP_BYTES = 1024 * 1024
"""How much is read into one transaction."""
RUN_S = 60.0
"""After so long a job has its next one go on, in real time."""
LOGGED_ERRORS_MAX = 10_000
"""Further errors are counted, and not written down."""
LOGGED_TEXT_MAX = 4096
LOGGED_AT_ONCE = 30
"""So many errors, with keys of S3 as long as they may be, are less than a request of CloudWatch Logs may have."""
