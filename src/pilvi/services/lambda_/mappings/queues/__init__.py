"""Queues of SQS as sources of events."""
