"""S3: buckets and objects.

**Everything is encrypted.** Each object written from now on is encrypted on the disk (AES-256-GCM), and answers say
how: with the bucket's own key (`AES256`, the default), with a key of KMS (`aws:kms`), or with one that the customer
brings (SSE-C). Objects that are older than this lie as they came, and no answer claims otherwise; copying one onto
itself with `ServerSideEncryption` encrypts it. The keys of buckets are sealed under the root key, so **a copy or a
backup of the data directory is worth nothing without the root key** (`<data>.key`, or what you gave instead): keep
both, apart. Different from AWS: SSE-C is taken over plain HTTP too, since the endpoint is often this very machine;
and it is blocked only in buckets whose encryption configuration says so, whereas AWS blocks it in new buckets since
April 2026. Refused by name: `aws:kms:dsse`.

Refused by name are also event holds and annotations; what only directory buckets have (appending, renaming,
sessions); Object Lambda; and metadata tables.

Access control lists count where ownership controls say so, and are decided by the engine that decides about policies.
Kept and told, but without any effect: configurations of storage class analysis, of request metrics and of
Intelligent-Tiering, and transfer acceleration; nobody is charged where requesters pay, but they must say that they
know.

Inventories are made at midnight (UTC) by the clock, the first one of a configuration at the next, as CSV or Parquet;
ORC is refused by name. The bucket that they go to must let `s3.amazonaws.com` in; where it does not, `pilvi trace` of
the request that configured the inventory says so.

Batch jobs act as their role. Four of an account and region run at once, the most urgent ones; who is pushed aside is
paused. Of a task that fails for the time being there are four attempts, some seconds apart by the clock. A manifest
that is generated has the current versions of a bucket, and all of them where the job replicates. Refused by name is
`S3UpdateObjectEncryption`.

Websites are served at `BUCKET.s3-website[-REGION].<host>` and at `/_aws/s3-website/BUCKET/`. Server access logs are
delivered five minutes after the first line, by the clock.

**Signed URLs and forms** are taken by Signature Version 4 and by Version 2, which boto3 and the AWS CLI still make
where nobody says otherwise. A policy that denies where `s3:signatureversion` is not `AWS4-HMAC-SHA256`
refuses that one.
Version 2 does not say when it was signed: how long it holds is judged by the machine's time. Different from AWS: this
one endpoint is that of all regions, so a bucket is reached by whatever region a request was signed for, where AWS
answers with 301; only what has no region's form is refused.

**Notifications** go to functions. Queues, topics and buses there are none: queues and topics are refused as AWS refuses
those that do not exist, EventBridge by name.

SDKs put the account in front of the host when they ask S3 Control (`000000000000.localhost:4566`), and the name of an
access point for its ARN. `localhost` and all names below it lead to this machine where systemd resolves names;
elsewhere after `apt install libnss-myhostname`, or by a line in `/etc/hosts` for each.

Access points are reached by their ARN, their alias, and at `NAME-ACCOUNT.s3-accesspoint.REGION.<host>`; also at
`NAME-ACCOUNT.<host>`, which is what SDKs ask for when an endpoint was given to them and the bucket is an ARN. Their
policies and their bucket's must both allow. There are no VPCs: a point for a VPC refuses every request.

**Lifecycle rules** run at midnight UTC by the clock, page by page; a run that was interrupted goes on. Permissions do
not hold them up, object lock does; access logs tell of what they do. `pilvi up --lifecycle-day 10s` (or
`PILVI_LIFECYCLE_DAY`) makes a day as short as that, for trying rules: days of rules, midnights and the hours of
restores all shrink; dates do not. `pilvi s3 lifecycle BUCKET` tells the last run and the next, with `--dry-run` what
will become of what, when and by which rule, and `--now` runs them at once; `pilvi s3 du` tells what buckets take up.
AWS's limit of 100 for `NewerNoncurrentVersions` is not enforced, by neither.

**Archived objects** (`GLACIER`, `DEEP_ARCHIVE`) must be restored before they can be read. A restore takes as long as
AWS says at most or on average: 5 minutes, 4 or 12 hours (Expedited, Standard, Bulk), of `DEEP_ARCHIVE` 12 or 48 hours
(Standard, Bulk); by the clock. Refused by name: restoring with `SELECT` and `OutputLocation`. Nobody knows when an
object was read last, so Intelligent-Tiering's archive tiers stay empty, and its configurations are only kept.

**Replication** goes to any bucket of this cloud: of the same or another region or account. Replicas share the bytes of
their source and have its version id, time, entity tag, parts, tags, list and lock; their place among the versions of
their key is that of their source, whatever was written there meanwhile. It is done by the role of the configuration,
which needs what AWS asks for (`s3:GetReplicationConfiguration`, `s3:GetObjectVersionForReplication`,
`s3:GetObjectVersionAcl`, `s3:GetObjectVersionTagging`; `s3:ReplicateObject`, `s3:ReplicateDelete`, `s3:ReplicateTags`,
`s3:ObjectOwnerOverrideToBucketOwner`; `kms:Decrypt` and `kms:Encrypt`; with object lock `s3:GetObjectRetention` and
`s3:GetObjectLegalHold`). What is refused is tried five times within four minutes, by the clock; what merely breaks, for
a day. Then it has `FAILED`, for good, and `pilvi trace` of the request that wrote it tells the reason, as the event
`s3:Replication:OperationFailedReplication` does where the rule has metrics. Replication time control promises fifteen
minutes and tells when it takes longer. Lifecycle rules leave alone what waits or has failed. Different from AWS:
retention that stands in the destination is not made weaker from the source; a replica that was deleted for good comes
back when somebody asks for it again; and two versions of one key that two buckets put into the very same place cannot
be in one bucket: the second fails. (Each bucket has places of its own in each millisecond, so this is rare indeed.)

**S3 Select** reads CSV, JSON and Parquet, each query in a process of its own. Of comparisons AWS's pages say only that
text must be CAST; here text of CSV beside a number, a timestamp or a truth value is read as one, and what cannot be
read so is neither equal nor unequal. Values of different kinds are not equal, and their order is unknown.
`SELECT a[*].b` gives a list. An error before the first record is an answer of its own, a later one is inside the
stream.

Retention and legal holds are told in the headers of GetObject and HeadObject to whoever may read the object; AWS hides
them from who may not ask for them alone.
"""

from pilvi.services.s3 import batch as batch
from pilvi.services.s3 import inventory as inventory
from pilvi.services.s3 import operations as operations
from pilvi.services.s3 import websites as websites
from pilvi.services.s3 import workers as workers
from pilvi.services.s3.archive import restoring as restoring
from pilvi.services.s3.control import s3control
from pilvi.services.s3.lifecycle import configuring as configuring
from pilvi.services.s3.nightly import running as running
from pilvi.services.s3.replication import bucket_replication as bucket_replication
from pilvi.services.s3.replication import replicating as replicating
from pilvi.services.s3.select import selecting as selecting
from pilvi.services.s3.service import s3

__all__ = ["s3", "s3control"]
