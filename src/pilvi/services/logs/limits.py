"""Quotas. AWS: CloudWatch Logs User Guide, "CloudWatch Logs quotas"."""

DAY_MS = 86_400_000

BATCH_BYTES_MAX = 1_048_576
EVENT_BYTES_OVERHEAD = 26
"""What AWS counts for each event beside its message."""
BATCH_SPAN_MS_MAX = DAY_MS
TOO_OLD_MS = 14 * DAY_MS
TOO_NEW_MS = 2 * 3_600_000

PAGE_EVENTS_MAX = 10_000
PAGE_BYTES_MAX = 1_048_576
FILTER_EXAMINED_MAX = 50_000
"""Events that one FilterLogEvents page looks at before it answers with a token to go on."""

GROUPS_PAGE_MAX = 50
STREAMS_PAGE_MAX = 50
TAGS_MAX = 50

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827),
    *(2192, 2557, 2922, 3288, 3653),
)
EXPIRY_STREAMS_MAX = 500
"""Streams that one run of the expiry job cleans."""
EXPIRY_EVENTS_MAX = 10_000
"""Events that one run removes."""
EXPIRY_PAUSE_MS = 3_600_000
"""The least time between two runs; expired events are hidden from readers meanwhile."""
