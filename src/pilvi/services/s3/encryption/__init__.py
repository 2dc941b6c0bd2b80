"""Encrypting bodies: in segments, under keys of blobs, wrapped with keys of buckets, of KMS or of customers.

It stands above the store's blobs, which hold what comes out of here and check it with checksums of their own; so
`pilvi check`, backups and the sweep of orphans need no keys, and other services' blobs are no concern of it.

- `segments`: what a blob holds; pure.
- `streams`: bodies on their way through it, in threads when they are large.
- `keys`: where keys come from, and who may have them.
"""
