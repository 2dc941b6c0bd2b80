"""The cryptography itself: functions of bytes, without records. Nothing of it is our own invention."""
