"""S3: buckets and objects.

**Nothing is encrypted.** Objects lie in the data directory as they came, so no answer says otherwise: there is no
`x-amz-server-side-encryption` in any of them, not even the `AES256` that AWS always tells. Whoever asks for
encryption is refused by name (`NotImplemented`), whichever way he asks: `ServerSideEncryption` (`AES256` too),
`SSEKMSKeyId`, `SSEKMSEncryptionContext`, `BucketKeyEnabled`, `SSECustomerAlgorithm`, `SSECustomerKey`,
`SSECustomerKeyMD5`, their `CopySource...` kin, and a bucket's encryption configuration. So are object lock, appending
(`WriteOffsetBytes`), deleting with `MFA`, and the classes `GLACIER` and `DEEP_ARCHIVE`.
"""

from pilvi.services.s3 import operations as operations
from pilvi.services.s3 import websites as websites
from pilvi.services.s3.control import s3control
from pilvi.services.s3.service import s3

__all__ = ["s3", "s3control"]
