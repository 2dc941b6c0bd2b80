"""State: transactions over an ordered key-value store, records, blobs. Knows nothing of AWS."""
