"""One folder per domain of AWS."""
