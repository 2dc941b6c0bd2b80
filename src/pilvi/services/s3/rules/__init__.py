"""What S3 decides: pure functions of requests and records. No store, no clock, no bytes moved."""
