"""IAM and STS: who there is in an account, their keys, roles, policies and sessions."""

from pilvi.services.iam import role_workers as role_workers
from pilvi.services.iam import workers as workers
from pilvi.services.iam.operations import access_keys as access_keys
from pilvi.services.iam.operations import assuming as assuming
from pilvi.services.iam.operations import attachments as attachments
from pilvi.services.iam.operations import boundaries as boundaries
from pilvi.services.iam.operations import groups as groups
from pilvi.services.iam.operations import inline_policies as inline_policies
from pilvi.services.iam.operations import instance_profiles as instance_profiles
from pilvi.services.iam.operations import last_accessed as last_accessed
from pilvi.services.iam.operations import login_profiles as login_profiles
from pilvi.services.iam.operations import managed_policies as managed_policies
from pilvi.services.iam.operations import mfa_devices as mfa_devices
from pilvi.services.iam.operations import oidc_providers as oidc_providers
from pilvi.services.iam.operations import password_policies as password_policies
from pilvi.services.iam.operations import policy_versions as policy_versions
from pilvi.services.iam.operations import roles as roles
from pilvi.services.iam.operations import service_linked_roles as service_linked_roles
from pilvi.services.iam.operations import sessions as sessions
from pilvi.services.iam.operations import tags as tags
from pilvi.services.iam.operations import users as users
from pilvi.services.iam.service import iam as iam
from pilvi.services.iam.service import sts as sts
