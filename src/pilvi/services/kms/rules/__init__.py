"""What KMS decides: pure functions of requests and records; no store, no clock."""
