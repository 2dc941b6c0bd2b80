"""The processes on the far side: what makes a sandbox, and what lives in it as its first process.

This package runs under every Python that functions run under (3.10 and later), not only under pilvi's
own. So it imports the standard library only, nothing of pilvi but itself, and it is quick to load.
"""
