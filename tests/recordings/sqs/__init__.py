"""SQS as it was recorded."""
