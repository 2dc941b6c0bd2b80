"""KMS. Loading the package registers its operations and workers."""

from pilvi.services.kms import workers as workers
from pilvi.services.kms.operations import aliases as aliases
from pilvi.services.kms.operations import data_keys as data_keys
from pilvi.services.kms.operations import encryption as encryption
from pilvi.services.kms.operations import grants as grants
from pilvi.services.kms.operations import imports as imports
from pilvi.services.kms.operations import keys as keys
from pilvi.services.kms.operations import policies as policies
from pilvi.services.kms.operations import regions as regions
from pilvi.services.kms.operations import rotation as rotation
from pilvi.services.kms.operations import signing as signing
from pilvi.services.kms.operations import tags as tags
from pilvi.services.kms.service import kms as kms
