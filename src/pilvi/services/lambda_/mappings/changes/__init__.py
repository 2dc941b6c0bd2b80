"""DynamoDB Streams as a source of event source mappings.

`kind.py` what mappings know of it; `source.py` takes batches and settles them; `batches.py` which batch is next;
`shards.py` reads a shard; `family.py` says which shards may be read; `rules.py` what becomes of a lane; `documents.py`
events and notices; `given_up.py` sends these; `records.py` what is stored.
"""
