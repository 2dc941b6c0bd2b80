"""Quotas of streams. AWS: DynamoDB Developer Guide, "Change data capture for DynamoDB Streams"."""

RETENTION_MS = 24 * 3600 * 1000
"""How long a record can be read, and a stream that was disabled."""
SHARD_LIFE_MS = 4 * 3600 * 1000
"""From its first record on, a shard takes records so long; then a child follows it."""
SHARD_BYTES_MAX = 64 * 1024 * 1024
"""Of records; with so many a shard is closed before its time."""
ITERATOR_LIFE_MS = 15 * 60 * 1000
RECORDS_MAX = 1000
"""That GetRecords gives at once."""
PAGE_BYTES_MAX = 1024 * 1024
"""Of records that GetRecords gives at once; a single larger one is given alone."""
PAGE_MAX = 100
"""Streams that ListStreams, and shards that DescribeStream name at once."""
ON_DEMAND_LANES = 4
"""Shards that are open at once, of an on-demand table: as many partitions as AWS begins with."""
LANE_WRITE_UNITS = 1000
"""Provisioned write units that one partition has."""
LANES_MAX = 16
TRIM_STEP = 200
"""How many records are removed in one transaction."""
SEQUENCE_DIGITS = 20
"""Of a record's number in its sequence number; in front of it stands the lane's, from 1."""
