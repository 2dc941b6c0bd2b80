"""The first process of an environment without isolation: it starts the runtime and ends all that came of it.

Its descendants cannot leave it by becoming daemons: it is their reaper. It ends them when the runtime ends, when the
server asks for it, and when the server dies. A function that kills its keeper on purpose can outlive it; only a
sandbox prevents that.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

from pilvi.compute.launcher import linux, supervision
from pilvi.compute.launcher.processes import descendants

_ROUNDS_MAX = 10_000


def main() -> None:
    """Entered by the server: `python -I -S -c ... <control socket> <log>`."""
    supervision.place_descriptors(int(sys.argv[-2]), int(sys.argv[-1]))
    try:
        request = supervision.read_request()
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        for name, (soft, hard) in request["limits"].items():
            resource.setrlimit(getattr(resource, name), (soft, hard))
        processes = supervision.Processes(request)
        supervision.start(processes)
        supervision.watch(processes, _signal_all, _end_all)
        _end_all()
    except BaseException as error:
        supervision.tell({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    os._exit(0)


def _signal_all(number: int) -> None:
    for process in descendants(os.getpid()):
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue  # it has just ended


def _end_all() -> None:
    """Kill descendants until there are none; each round finds what was forked during the one before."""
    for _ in range(_ROUNDS_MAX):
        _signal_all(signal.SIGKILL)
        options = 0
        try:
            while os.waitpid(-1, options)[0]:
                options = os.WNOHANG
        except ChildProcessError:
            return
