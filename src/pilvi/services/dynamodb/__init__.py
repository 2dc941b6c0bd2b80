"""DynamoDB. Loading the package registers its operations and workers."""

from pilvi.services.dynamodb import operations as operations
from pilvi.services.dynamodb import workers as workers
from pilvi.services.dynamodb.service import dynamodb as dynamodb
