"""Backups of tables, and tables made of what was: on demand, at the deletion of a table, and to a point in time.

Nothing is imported here: deleting a table makes a backup, and what makes backups imports the tables.
AWS: DynamoDB Developer Guide, "Backup and restore for DynamoDB".
"""
