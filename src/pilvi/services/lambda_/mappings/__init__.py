"""Event source mappings: what polls a queue or a stream, and invokes a function with what it finds.

`records.py` what is stored; `rules.py` what is decided; `api.py` the API; `residence.py` the life of a mapping's
poller; `poller.py` its loop; `source.py` what a source must be able to do; `queues/` SQS, `changes/` DynamoDB Streams.
"""
