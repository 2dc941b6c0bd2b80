"""SQS. Loading the package registers its operations."""

from pilvi.services.sqs import workers as workers
from pilvi.services.sqs.operations import attributes as attributes
from pilvi.services.sqs.operations import deletions as deletions
from pilvi.services.sqs.operations import queues as queues
from pilvi.services.sqs.operations import receives as receives
from pilvi.services.sqs.operations import sends as sends
from pilvi.services.sqs.operations import visibility as visibility
from pilvi.services.sqs.service import sqs as sqs
