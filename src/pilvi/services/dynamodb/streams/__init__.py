"""DynamoDB Streams: what was changed in a table, in order, for a day.

Nothing is imported here: what writes items imports `writing`, and what reads streams imports the tables.
"""
