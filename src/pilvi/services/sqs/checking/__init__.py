"""What `pilvi check` looks for in SQS. Loading the package makes it known."""

from pilvi.services.sqs.checking import queues as queues
