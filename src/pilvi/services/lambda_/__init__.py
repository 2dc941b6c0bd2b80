"""Lambda. Loading the package registers its operations, targets and workers."""

from pilvi.services.lambda_ import keeping as keeping
from pilvi.services.lambda_ import links as links
from pilvi.services.lambda_ import targets as targets
from pilvi.services.lambda_ import urls as urls
from pilvi.services.lambda_ import workers as workers
from pilvi.services.lambda_.destinations import parcels as parcels
from pilvi.services.lambda_.mappings import api as api
from pilvi.services.lambda_.operations import account as account
from pilvi.services.lambda_.operations import aliases as aliases
from pilvi.services.lambda_.operations import code as code
from pilvi.services.lambda_.operations import concurrency as concurrency
from pilvi.services.lambda_.operations import event_configs as event_configs
from pilvi.services.lambda_.operations import functions as functions
from pilvi.services.lambda_.operations import invocations as invocations
from pilvi.services.lambda_.operations import layer_permissions as layer_permissions
from pilvi.services.lambda_.operations import layers as layers
from pilvi.services.lambda_.operations import permissions as permissions
from pilvi.services.lambda_.operations import provisioned_concurrency as provisioned_concurrency
from pilvi.services.lambda_.operations import recursion as recursion
from pilvi.services.lambda_.operations import runtime_management as runtime_management
from pilvi.services.lambda_.operations import signing as signing
from pilvi.services.lambda_.operations import streams as streams
from pilvi.services.lambda_.operations import tags as tags
from pilvi.services.lambda_.operations import url_configs as url_configs
from pilvi.services.lambda_.operations import versions as versions
from pilvi.services.lambda_.service import lambda_ as lambda_
