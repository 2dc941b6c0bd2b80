"""SQS. Loading the package registers its operations, its workers, and how others deliver to it."""

from pilvi.services.sqs import checking as checking
from pilvi.services.sqs import targets as targets
from pilvi.services.sqs import workers as workers
from pilvi.services.sqs.operations import attributes as attributes
from pilvi.services.sqs.operations import batches as batches
from pilvi.services.sqs.operations import dead_letters as dead_letters
from pilvi.services.sqs.operations import deletions as deletions
from pilvi.services.sqs.operations import moves as moves
from pilvi.services.sqs.operations import permissions as permissions
from pilvi.services.sqs.operations import queues as queues
from pilvi.services.sqs.operations import receives as receives
from pilvi.services.sqs.operations import sends as sends
from pilvi.services.sqs.operations import tags as tags
from pilvi.services.sqs.operations import visibility as visibility
from pilvi.services.sqs.service import sqs as sqs
