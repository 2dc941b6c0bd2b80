"""Throughput enforced, for those who want to try what their program does when it is throttled: `--enforce-throughput`.

Nothing of this is there unless the server was told so: `switch_on` puts metered handlers in the place of DynamoDB's
own. They have the handler count what it consumes, as for ReturnConsumedCapacity, and take that from buckets, in the
handler's transaction: what is refused has changed nothing.

- A bucket lets a request through while anything is in it, whatever the request takes: it may then owe. So a request
  that is larger than what a bucket holds gets through some time, as on AWS.
- Provisioned: a table, and each global index, fills its bucket by its units every second, up to 300 seconds' worth.
  A new one begins with one second's. A write that an index has no units for is refused the table, too.
- On demand: the maxima of a table or index, and 40,000 units a second for a table in any case, with one second's worth
  kept.
- A partition key value of a table: 3,000 read units and 1,000 write units a second, as if each had a partition of its
  own. Only operations on one item (GetItem, PutItem, UpdateItem, DeleteItem) are held to that.
- All workers share the buckets: they are in one file that each of them maps, under one lock. There is room for 8,192;
  of more, those that were not used for longest begin anew.

Differs: AWS admits before it works and adapts partitions to their load; here a refused request has been worked on, and
limits are exact. A batch of statements is refused as a whole. Not metered: what no request causes (time to live,
streams, replication, exports), as on AWS.
"""

from pilvi.services.dynamodb.metering.handlers import switch_on as switch_on
from pilvi.services.dynamodb.metering.meter import Meter as Meter
