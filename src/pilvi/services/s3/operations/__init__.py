"""What S3 is asked."""

from pilvi.services.s3.operations import (
    bucket_abac as bucket_abac,
)
from pilvi.services.s3.operations import (
    bucket_access as bucket_access,
)
from pilvi.services.s3.operations import (
    bucket_acls as bucket_acls,
)
from pilvi.services.s3.operations import (
    bucket_configurations as bucket_configurations,
)
from pilvi.services.s3.operations import (
    bucket_cors as bucket_cors,
)
from pilvi.services.s3.operations import (
    bucket_encryption as bucket_encryption,
)
from pilvi.services.s3.operations import (
    bucket_logging as bucket_logging,
)
from pilvi.services.s3.operations import (
    bucket_notifications as bucket_notifications,
)
from pilvi.services.s3.operations import (
    bucket_settings as bucket_settings,
)
from pilvi.services.s3.operations import (
    bucket_tags as bucket_tags,
)
from pilvi.services.s3.operations import (
    bucket_websites as bucket_websites,
)
from pilvi.services.s3.operations import (
    buckets as buckets,
)
from pilvi.services.s3.operations import (
    copies as copies,
)
from pilvi.services.s3.operations import (
    deletions as deletions,
)
from pilvi.services.s3.operations import (
    listings as listings,
)
from pilvi.services.s3.operations import (
    multipart as multipart,
)
from pilvi.services.s3.operations import (
    multipart_listings as multipart_listings,
)
from pilvi.services.s3.operations import (
    object_acls as object_acls,
)
from pilvi.services.s3.operations import (
    object_encryption as object_encryption,
)
from pilvi.services.s3.operations import (
    object_locks as object_locks,
)
from pilvi.services.s3.operations import (
    object_tags as object_tags,
)
from pilvi.services.s3.operations import (
    part_copies as part_copies,
)
from pilvi.services.s3.operations import (
    posts as posts,
)
from pilvi.services.s3.operations import (
    reads as reads,
)
from pilvi.services.s3.operations import (
    version_listings as version_listings,
)
from pilvi.services.s3.operations import (
    versioning as versioning,
)
from pilvi.services.s3.operations import (
    writes as writes,
)
