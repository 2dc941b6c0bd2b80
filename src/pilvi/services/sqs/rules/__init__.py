"""What SQS decides: pure functions of requests and records."""
