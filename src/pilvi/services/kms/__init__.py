"""KMS."""

from pilvi.services.kms.service import kms

__all__ = ["kms"]

# Importing a module of operations/ registers its handlers:
# from pilvi.services.kms.operations import things as _things
