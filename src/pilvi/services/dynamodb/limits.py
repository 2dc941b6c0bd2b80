"""Quotas. AWS: DynamoDB Developer Guide, "Quotas in Amazon DynamoDB" and "Constraints"."""

ITEM_BYTES_MAX = 400 * 1024
HASH_KEY_BYTES_MAX = 2048
RANGE_KEY_BYTES_MAX = 1024
LIST_INDEX_MAX = 2**31 - 1
NESTING_MAX = 32
ATTRIBUTE_NAME_BYTES_MAX = 65535
NUMBER_DIGITS_MAX = 38
NUMBER_EXPONENT_MAX = 125
NUMBER_EXPONENT_MIN = -130
NUMBER_TEXT_MAX = 500
"""Longer texts of numbers are refused unread: none of them can have 38 digits in range."""

PAGE_BYTES_MAX = 1024 * 1024
"""How much one Query or Scan reads."""
BATCH_GET_KEYS_MAX = 100
BATCH_WRITE_ITEMS_MAX = 25
BATCH_BYTES_MAX = 16 * 1024 * 1024
TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
TOKEN_LIFE_MS = 10 * 60 * 1000
"""How long a ClientRequestToken is remembered."""

EXPRESSION_BYTES_MAX = 4096
OPERATORS_MAX = 300
IN_OPERANDS_MAX = 100
EXPRESSION_DEPTH_MAX = 60
"""Nested parentheses and functions; AWS's operator quota ends such expressions in the same region."""
PROGRAMS_CACHED = 1024
"""Compiled expressions kept in memory, per kind."""
LEGACY_CONDITIONS_CACHED = 32
"""Programs of more conditions or updates than this are not kept: their keys would fill the memory."""
PLACEHOLDERS_CACHED = 128
"""Programs of requests with more names than this are not kept, for the same reason."""
PLACEHOLDER_KEY_MAX = 255
PLACEHOLDERS_BYTES_MAX = 2 * 1024 * 1024
"""All names and values that a request's expressions have placeholders for."""
COLLECTION_BYTES_MAX = 10 * 1024 * 1024 * 1024
"""Items of one partition key, with their entries in local indexes, of a table that has such indexes."""
KEY_SCHEMA_MAX = 2
KEY_ATTRIBUTES_MAX = 4
"""Of each kind, in the key of a global index."""
INDEX_KEY_SCHEMA_MAX = 2 * KEY_ATTRIBUTES_MAX
TABLES_CACHED = 1024
"""Decoded table records kept in memory."""

TABLES_PER_REGION = 2500
GLOBAL_INDEXES_MAX = 20
LOCAL_INDEXES_MAX = 5
INCLUDED_ATTRIBUTES_MAX = 100
"""NonKeyAttributes over all indexes of a table."""
THROUGHPUT_UNITS_MAX = 1_000_000_000_000
DECREASES_PER_DAY = 4
"""Of provisioned throughput, at any time; more of them only once in DECREASES_EVERY_MS."""
DECREASES_EVERY_MS = 60 * 60 * 1000
ON_DEMAND_SWITCHES_MAX = 4
"""To on-demand mode within ON_DEMAND_SWITCHES_MS."""
ON_DEMAND_SWITCHES_MS = 24 * 60 * 60 * 1000
CLASS_CHANGES_MAX = 2
"""Of the table class within CLASS_CHANGES_DAYS."""
CLASS_CHANGES_DAYS = 30
READ_UNITS_PER_TABLE = 40_000
WRITE_UNITS_PER_TABLE = 40_000
READ_UNITS_PER_ACCOUNT = 80_000
WRITE_UNITS_PER_ACCOUNT = 80_000
TAGS_MAX = 50

COUNTED_ITEMS_MAX = 10_000
"""DescribeTable counts so many items; beyond, it estimates."""
STEP_ITEMS = 500
"""How many items a background job (backfill, expiry, erasure) handles in one transaction."""
TIME_TO_LIVE_ROUNDING_S = 60
"""Expired items go within so many seconds. AWS promises a few days."""
TIME_TO_LIVE_AGE_MAX_S = 5 * 365 * 24 * 3600
"""Items that expired longer ago are left alone, as on AWS: such a number is hardly a time."""
