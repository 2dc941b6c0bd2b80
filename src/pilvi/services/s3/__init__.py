"""S3: buckets and objects."""

from pilvi.services.s3 import operations as operations
from pilvi.services.s3.service import s3

__all__ = ["s3"]
