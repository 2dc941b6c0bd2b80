"""The operations of DynamoDB, by noun. Loading the package registers them."""

from pilvi.services.dynamodb.operations import account as account
from pilvi.services.dynamodb.operations import backups as backups
from pilvi.services.dynamodb.operations import batches as batches
from pilvi.services.dynamodb.operations import expiry as expiry
from pilvi.services.dynamodb.operations import global_tables as global_tables
from pilvi.services.dynamodb.operations import insights as insights
from pilvi.services.dynamodb.operations import items as items
from pilvi.services.dynamodb.operations import partiql as partiql
from pilvi.services.dynamodb.operations import queries as queries
from pilvi.services.dynamodb.operations import resource_policies as resource_policies
from pilvi.services.dynamodb.operations import tables as tables
from pilvi.services.dynamodb.operations import tags as tags
from pilvi.services.dynamodb.operations import transactions as transactions
