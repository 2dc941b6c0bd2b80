"""What becomes of an asynchronous invocation's end: records of it for destinations, dead letters.

`documents.py` says what is sent, `parcels.py` sends it (durably, in the function's name), `checks.py` looks at a
destination when it is configured.
AWS: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
"""
