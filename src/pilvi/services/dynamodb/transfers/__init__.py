"""Tables from S3, and tables to S3. Loading the package registers its operations and jobs."""

from pilvi.services.dynamodb.transfers import emptying as emptying
from pilvi.services.dynamodb.transfers import exports as exports
from pilvi.services.dynamodb.transfers import filling as filling
from pilvi.services.dynamodb.transfers import imports as imports
