"""Organizations. Loading the package registers its operations and workers."""

from pilvi.services.organizations import workers as workers
from pilvi.services.organizations.operations import accounts as accounts
from pilvi.services.organizations.operations import attachments as attachments
from pilvi.services.organizations.operations import creation as creation
from pilvi.services.organizations.operations import handshakes as handshakes
from pilvi.services.organizations.operations import organization as organization
from pilvi.services.organizations.operations import policies as policies
from pilvi.services.organizations.operations import tags as tags
from pilvi.services.organizations.operations import units as units
from pilvi.services.organizations.service import organizations as organizations
