"""Quotas.

AWS: S3 User Guide, "Amazon S3 multipart upload limits", "General purpose bucket quotas", "Naming objects".
"""

from __future__ import annotations

KEY_BYTES_MAX = 1024
METADATA_BYTES_MAX = 2048
OBJECT_PUT_BYTES_MAX = 5 * 1024**3
COPY_BYTES_MAX = 5 * 1024**3
OBJECT_BYTES_MAX = 50 * 1024**4
PART_BYTES_MIN = 5 * 1024**2
PART_BYTES_MAX = 5 * 1024**3
PART_NUMBER_MAX = 10_000

LIST_KEYS_MAX = 1000
LIST_PARTS_MAX = 1000
LIST_UPLOADS_MAX = 1000
LIST_BUCKETS_MAX = 10_000
DELETE_KEYS_MAX = 1000

RETENTION_DAYS_MAX = 36_500
RETENTION_YEARS_MAX = 100

BUCKETS_PER_ACCOUNT_MAX = 10_000
ACCESS_POINTS_MAX = 10_000
"""Of an account in a region."""
LIST_ACCESS_POINTS_MAX = 1000
BUCKET_TAGS_MAX = 50
OBJECT_TAGS_MAX = 10
TAG_KEY_LENGTH_MAX = 128
TAG_VALUE_LENGTH_MAX = 256
FORM_FIELDS_BYTES_MAX = 20_000
"""Of all that stands before the file in a browser's form."""
POLICY_BYTES_MAX = 20 * 1024
CORS_RULES_MAX = 100
GRANTS_MAX = 100
"""Of one access control list."""
NOTIFICATIONS_MAX = 100
ROUTING_RULES_MAX = 50
LOG_DELIVERY_MS = 300_000
"""How long lines of an access log are gathered; AWS promises no more than some hours."""
LOG_LINES_MAX = 10_000
"""Of one log object."""
LOG_LINES_WAITING_MAX = 100_000
LOG_BYTES_MAX = 8 * 1024**2
"""About; of one log object."""
LOG_FIELD_LENGTH_MAX = 2048
REPLICATION_RULES_MAX = 1000
REPLICATION_ID_LENGTH_MAX = 255
REPLICATION_PAGE = 32
"""Versions that one run of a bucket's job replicates, in one transaction."""
REPLICATION_PARTS_PAGE = 1000
"""About; the parts that all of these have."""
REPLICATION_TRIES_MAX = 5
"""Of what is refused; that is final, then."""
REPLICATION_TRIED_MS = 24 * 60 * 60 * 1000
"""How long what merely does not work just now is tried."""
REPLICATION_THRESHOLD_MS = 15 * 60 * 1000
"""What replication time control promises."""
CONFIGURATIONS_MAX = 1000
"""Of one kind."""
LIST_CONFIGURATIONS_MAX = 100
LIFECYCLE_RULES_MAX = 1000
LIFECYCLE_ID_LENGTH_MAX = 255

BUCKETS_KEPT = 4096
"""Buckets whose policies a process keeps in memory; not a quota of AWS."""

BATCH_JOBS_ACTIVE_MAX = 4
"""Batch jobs that run at once, of an account and region; the others wait, the most urgent first."""
BATCH_JOBS_KEPT_MAX = 10_000
"""Of an account and region; not a quota of AWS."""
BATCH_JOB_KEPT_MS = 90 * 24 * 60 * 60 * 1000
BATCH_JOB_TAGS_MAX = 50
BATCH_FILTER_TEXTS_MAX = 100
BATCH_TASKS_JUDGED = 1000
"""Once so many tasks are done, a job fails as soon as more than half of them have failed."""
BATCH_ATTEMPTS_MAX = 4
"""Of a task that fails for the time being."""
BATCH_REPLICATION_LOOKS_MAX = 60
"""How often a batch job looks whether a version is replicated: for about an hour."""
