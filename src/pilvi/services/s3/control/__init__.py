"""S3 Control: what an account says about all that it has in S3.

AWS: S3 Control API Reference.
"""

from pilvi.services.s3.control import access_point_policies as access_point_policies
from pilvi.services.s3.control import access_points as access_points
from pilvi.services.s3.control import jobs as jobs
from pilvi.services.s3.control import public_access_blocks as public_access_blocks
from pilvi.services.s3.control import tags as tags
from pilvi.services.s3.control.service import s3control

__all__ = ["s3control"]
