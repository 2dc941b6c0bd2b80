"""Replication: what is written into one bucket is written into others, by a role that the bucket's owner chose.

`bucket_replication.py`: the configuration is put, told and deleted. `noting.py`: every write of a bucket that has one
notes, in its own transaction, what must go where. `replicating.py`: one job for each bucket takes what was noted, a
page at a time; `permits.py` asks for it in the role's name, `placing.py` writes it. Since all buckets lie in one store,
the replica, the status of its source and the end of the task are one transaction, and no byte is moved: blobs are
shared.

1. A task is there for as long as something is to be replicated; it goes in the transaction that writes the replica,
   or that says it failed.
2. A replica has the id, and so the rank, of its source: so it stands among the versions of its key where its source
   stands, whatever comes first, and a second attempt finds the first one's.
3. What replication writes is not noted: nothing goes round.
4. The job of a bucket with tasks is planned for the first of them, or it runs.

AWS: S3 User Guide, "Replicating objects within and across Regions".
"""

from pilvi.services.s3.replication.noting import NotEligible as NotEligible
from pilvi.services.s3.replication.noting import enqueue as enqueue
