"""Quotas and steps of backups and restores."""

RESTORES_MAX = 50
"""Restores of one account and region under way at once. AWS: RestoreTableFromBackup."""
SYSTEM_LIFE_DAYS = 35
"""How long the backup of a deleted table is kept."""
LIST_MAX = 100
LOOKED_AT_MAX = 1000
"""So many backups one ListBackups looks at, whatever it finds."""

FIRST_ITEMS = 100
FIRST_BYTES = 256 * 1024
"""So much is copied by the request itself; more is left to a job, a step at a time."""
STEP_ITEMS = 500
STEP_BYTES = 1024 * 1024
