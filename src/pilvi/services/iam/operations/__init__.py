"""What IAM and STS are asked, by noun. Loading the package registers every operation.

They are listed here because some have the name of a file of records one folder up.
"""

from pilvi.services.iam.operations import access_keys as access_keys
from pilvi.services.iam.operations import account_aliases as account_aliases
from pilvi.services.iam.operations import account_summary as account_summary
from pilvi.services.iam.operations import assuming as assuming
from pilvi.services.iam.operations import attachments as attachments
from pilvi.services.iam.operations import authorization_details as authorization_details
from pilvi.services.iam.operations import authorization_messages as authorization_messages
from pilvi.services.iam.operations import boundaries as boundaries
from pilvi.services.iam.operations import credential_reports as credential_reports
from pilvi.services.iam.operations import granting_policies as granting_policies
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
from pilvi.services.iam.operations import saml_providers as saml_providers
from pilvi.services.iam.operations import server_certificates as server_certificates
from pilvi.services.iam.operations import service_credentials as service_credentials
from pilvi.services.iam.operations import service_linked_roles as service_linked_roles
from pilvi.services.iam.operations import sessions as sessions
from pilvi.services.iam.operations import signing_certificates as signing_certificates
from pilvi.services.iam.operations import simulations as simulations
from pilvi.services.iam.operations import ssh_keys as ssh_keys
from pilvi.services.iam.operations import tags as tags
from pilvi.services.iam.operations import users as users
