"""IAM and STS: who there is in an account, their keys, roles, policies and sessions."""

from pilvi.services.iam import operations as operations
from pilvi.services.iam import workers as workers
from pilvi.services.iam.service import iam as iam
from pilvi.services.iam.service import sts as sts
