"""Storage classes: which there are, and which are archives, whose objects must be restored before they can be read.

AWS: S3 User Guide, "Understanding and managing Amazon S3 storage classes".
"""

from __future__ import annotations

STANDARD = "STANDARD"
REDUCED_REDUNDANCY = "REDUCED_REDUNDANCY"
STANDARD_IA = "STANDARD_IA"
ONEZONE_IA = "ONEZONE_IA"
INTELLIGENT_TIERING = "INTELLIGENT_TIERING"
GLACIER_IR = "GLACIER_IR"
GLACIER = "GLACIER"
DEEP_ARCHIVE = "DEEP_ARCHIVE"

CLASSES = frozenset(
    {
        STANDARD,
        REDUCED_REDUNDANCY,
        STANDARD_IA,
        ONEZONE_IA,
        INTELLIGENT_TIERING,
        GLACIER_IR,
        GLACIER,
        DEEP_ARCHIVE,
    }
)
"""Of general purpose buckets. AWS refuses the names of other kinds there, as it refuses what is no name."""

ARCHIVES = frozenset({GLACIER, DEEP_ARCHIVE})
