"""Inventories: lists of what is in a bucket, delivered to a bucket every day or week.

`rules/inventories.py` says what may be configured, when one is due and what a row says; `workers.py` makes them, a file
at a time; `parquet.py` is the one format that needs an engine.
"""

from pilvi.services.s3.inventory import configuring as configuring
from pilvi.services.s3.inventory import workers as workers
