"""The first process of an environment whose namespaces and mounts bubblewrap has made; from there on it is the same.

Its interpreter may lie in the host's tree, below `/.host`, which is detached before anything of a customer runs.
"""

from __future__ import annotations

import sys

from pilvi.compute.launcher import sandbox


def main() -> None:
    """Entered through bubblewrap: `python -I -c ... <source> <control socket> <log> <go>`."""
    control, log, go = (int(number) for number in sys.argv[-3:])
    del sys.path[0]
    sys.path.append("/var/runtime")
    sandbox.enter_made(control, log, go)
