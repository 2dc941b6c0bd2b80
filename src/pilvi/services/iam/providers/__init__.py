"""Identity providers outside the cloud: their records, by kind, and the public keys that prove their tokens."""
