"""The sandbox of a snapshot, seen from its first process: it has a function initialised once, and forked for each
environment.

What is forked is made of the customer's memory, so nothing that it does is relied upon. This process has the launcher's
rights, but nothing of the host to use them on, and never runs anything of a customer's. For each environment it

1. has the place made (`restoring.py`): namespaces below the snapshot's own user namespace;
2. asks the initialised process for a fork, which stops at the call by which it asks to be let in. The initialised
   process stands still from then on, and is the only other one in the sandbox: nobody can change the fork meanwhile;
3. makes that call for the fork, and takes from it the capabilities that came with it (`tracer.py`);
4. looks from outside whether it is where it should be, with nothing that it should not have, and, when the server has
   put it into its control groups, again at the process that goes on from there. Only then that is let go: at once, or
   when an environment is needed.

The control socket carries, beside what `supervision.py` tells: inwards {"place": id} with two descriptors (control
socket, log), {"restore": id}, {"go": id}, {"run": id}, {"kill": id}; outwards {"snapshot": true} or {"unfit": why};
{"placed": id} with a descriptor of the watching process, {"forked": id} with one of the fork, which stands still, so
that it can be put into control groups until "go", and {"restored": id} with one of the process that goes on from there,
which stands still until "run"; {"failed": id, "error": text}, and in any case, when every process of an environment is
gone, {"gone": id}.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import signal
import socket
import struct
from collections import deque
from typing import Any, NoReturn

from pilvi.compute.launcher import (
    inspection,
    linux,
    restoring,
    sandbox,
    snapshot,
    supervision,
    tracer,
)
from pilvi.compute.launcher.processes import children
from pilvi.compute.launcher.supervision import CONTROL, LOG, MESSAGE_BYTES_MAX

_RESTORE_S_MAX = 10.0
_ROUNDS_MAX = 1000
"""Each finds what was forked during the one before."""
_CREDENTIALS = struct.Struct("=iII")


def serve(request: dict[str, Any], listeners: list[socket.socket], settings: int) -> NoReturn:
    """Called by the first process, once the sandbox is furnished. `settings`: /proc/sys as it was before."""
    sandbox.detach()
    sandbox.await_cgroups()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    process = os.fork()
    if process == 0:
        ours.close()
        for listener in listeners:
            listener.close()
        # Its rules would be about this /tmp, and hold in every fork: each makes its own.
        sandbox.lock({**request, "landlock": 0}, settings)
        supervision.become_template(request, theirs.fileno())
    channel_inode = os.fstat(theirs.fileno()).st_ino
    theirs.close()
    os.close(settings)
    sandbox.hand_out(listeners)
    log_inode = os.fstat(LOG).st_ino
    os.close(LOG)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    _Template(request, process, ours, {channel_inode, log_inode}).run()


class _Fork:
    """`first`: who watches over the environment. `told`: where it hears from this process. `log`: until there is a
    fork. `process`: what goes on from that; 0 before there is one and when it has ended."""

    def __init__(self, first: int, told: int, log: int) -> None:
        self.first = first
        self.told = told
        self.log = log
        self.process = 0

    def close(self) -> None:
        os.close(self.told)
        self.close_log()

    def close_log(self) -> None:
        if self.log >= 0:
            os.close(self.log)
            self.log = -1

    def tell(self, number: int) -> None:
        """The id of the fork there, or how it ended."""
        try:
            os.write(self.told, number.to_bytes(4, "big"))
        except BrokenPipeError:
            pass  # it has ended first


class _Template:
    def __init__(
        self, request: dict[str, Any], process: int, channel: socket.socket, known: set[int]
    ) -> None:
        """`known`: the inodes of what the process has open for us."""
        self._last_capability: int = request["last_capability"]
        self._process = process
        self._channel = channel
        self._known = known
        self._users = -1
        self._forks: dict[int, _Fork] = {}
        self._waiting: deque[int] = deque()
        """What is to be restored; no more than there are places."""
        self._crossing: tuple[int, tracer.Tracee] | None = None
        """The one that is under way."""

    def run(self) -> NoReturn:
        wake_reader, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        poll = select.poll()
        poll.register(CONTROL, select.POLLIN)
        poll.register(wake_reader, select.POLLIN)
        poll.register(self._channel, select.POLLIN)
        while True:
            for descriptor, _event in poll.poll():
                if descriptor == wake_reader:
                    os.read(wake_reader, 4096)
                    self._reap()
                elif descriptor == CONTROL:
                    self._obey()
                else:
                    poll.unregister(
                        self._channel
                    )  # from now on it is read where its word is waited for
                    self._look()

    # --- the initialised process

    def _look(self) -> None:
        """It says that it is initialised."""
        if self._channel.recv(16) != snapshot.READY:
            return  # it has ended, or will
        self._users = os.open(f"/proc/{self._process}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        reason = inspection.unfit(self._process, self._others(), self._known)
        supervision.tell({"snapshot": True} if reason is None else {"unfit": reason})

    def _others(self) -> list[int]:
        """Processes of this namespace itself, not of those of environments."""
        ours = {self._process}
        for fork in self._forks.values():
            ours |= {fork.first, fork.process}
        # Whose parent has ended is a child of this process.
        return [process for process in children(1) + children(self._process) if process not in ours]

    # --- environments

    def _obey(self) -> None:
        try:
            data, descriptors = _receive_control()
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            os._exit(0)  # the server wants the end, or has gone
        if not data.startswith(b"{"):
            return  # what stands still must not be stopped
        message: dict[str, Any] = json.loads(data)
        if "place" in message:
            control, log = descriptors
            self._place(message["place"], control, log)
            return
        (word, name), *_ = message.items()
        fork = self._forks.get(name)
        if fork is None:
            return  # it has ended
        if word == "restore":
            self._waiting.append(name)
        elif word == "go" and self._crossing is not None and self._crossing[0] == name:
            self._go_on(name, fork, self._crossing[1])
        elif word == "run":
            _let_go(fork)
        elif word == "kill":
            self._end(name, fork)
        self._restore_next()

    def _place(self, name: int, control: int, log: int) -> None:
        told_reader, told_writer = os.pipe2(os.O_CLOEXEC)
        try:
            first = self._make_place(control, log, told_reader)
        except (OSError, EOFError) as error:
            os.close(told_writer)
            os.close(log)
            _tell_failure(name, error)
            supervision.tell({"gone": name})
            return
        finally:
            os.close(control)
            os.close(told_reader)
        self._forks[name] = _Fork(first, told_writer, log)
        _hand_out({"placed": name}, first)

    def _restore_next(self) -> None:
        """One fork at a time: until it goes on, the initialised process stands still."""
        while self._waiting and self._crossing is None:
            name = self._waiting.popleft()
            fork = self._forks.get(name)
            if fork is None:
                continue
            try:
                tracee = self._fork(fork.first, fork.log)
                self._crossing = name, tracee
                _hand_out({"forked": name}, tracee.process)
                self._cross(fork.first, tracee)
            except (OSError, ValueError) as error:
                _tell_failure(name, error)
                self._end(name, fork)
            finally:
                fork.close_log()

    def _go_on(self, name: int, fork: _Fork, tracee: tracer.Tracee) -> None:
        try:
            tracee.go_on()
            process = tracee.wait_for_fork()
            try:
                inspection.verify(process, fork.first, (*inspection.OWN_KINDS, "pid"))
                fork.process = process
                _hand_out({"restored": name}, process)
            except BaseException:
                os.kill(process, signal.SIGKILL)
                raise
        except OSError as error:
            _tell_failure(name, error)
            os.kill(fork.first, signal.SIGKILL)
            tracee.end()
            self._clear()
        self._crossing = None
        os.kill(self._process, signal.SIGCONT)

    def _end(self, name: int, fork: _Fork) -> None:
        os.kill(fork.first, signal.SIGKILL)
        if self._crossing is not None and self._crossing[0] == name:
            self._crossing[1].end()
            self._crossing = None
            self._clear()
        os.kill(self._process, signal.SIGCONT)

    def _clear(self) -> None:
        """End what a fork has started that was not let go."""
        for _ in range(_ROUNDS_MAX):
            others = self._others()
            for process in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self._reap()
            # Children of the initialised process wait for that one.
            if not set(others) & set(children(1)):
                return

    def _make_place(self, control: int, log: int, told: int) -> int:
        """Namespaces, and the process that watches over them. Raises: OSError, EOFError."""
        ready_reader, ready_writer = os.pipe2(os.O_CLOEXEC)
        middle = os.fork()
        if middle == 0:
            restoring.prepare(control, log, told, ready_writer, self._users)
        os.close(ready_writer)
        try:
            os.waitpid(middle, 0)
            first = int.from_bytes(_read(ready_reader, 4), "big")
            try:
                _read(ready_reader, 1)
            except (OSError, EOFError):
                os.kill(first, signal.SIGKILL)
                raise
        finally:
            os.close(ready_reader)
        return first

    def _fork(self, first: int, log: int) -> tracer.Tracee:
        """Of the initialised process, which stands still from then on. Raises: OSError, ValueError."""
        watching = os.pidfd_open(first)
        try:
            socket.send_fds(self._channel, [snapshot.RESTORE], [watching, log])
        finally:
            os.close(watching)
        forked = _receive_sender(self._channel, snapshot.FORKED)
        os.kill(self._process, signal.SIGSTOP)
        _process, status = os.waitpid(self._process, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            os.kill(forked, signal.SIGKILL)
            raise ChildProcessError("the initialised process has ended")
        try:
            return tracer.Tracee(forked)
        except OSError:
            os.kill(forked, signal.SIGKILL)
            raise

    def _cross(self, first: int, tracee: tracer.Tracee) -> None:
        """Into the namespaces of `first`, without any right there; it stands still. Raises: OSError."""
        forked = tracee.process
        self._channel.send(snapshot.TRACED)
        tracee.wait_for_question()
        # It stands still, and so does the initialised process: what is true now stays true.
        if [*self._others(), *children(forked)] != [forked]:
            raise PermissionError("there are processes beside the fork of the snapshot")
        if inspection.shares_memory(forked):
            raise PermissionError("a fork of the snapshot shares memory")
        tracee.enter(restoring.KINDS | linux.CLONE_NEWUSER, self._last_capability)
        inspection.verify(forked, first, (*inspection.OWN_KINDS, "pid_for_children"))

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG | tracer.ALL)
            except ChildProcessError:
                return
            if process == 0:
                return
            if os.WIFSTOPPED(status):
                continue
            if process == self._process:
                self._lost(status)
                continue
            for name, fork in list(self._forks.items()):
                if process == fork.process:
                    fork.process = 0
                    fork.tell(status)
                elif process == fork.first:
                    # The kernel ended with it whatever was in its namespace, and has waited until all was reaped.
                    fork.close()
                    del self._forks[name]
                    supervision.tell({"gone": name})

    def _lost(self, status: int) -> None:
        """Environments that were forked from it go on."""
        self._process = 1
        if self._users < 0:
            supervision.tell_end(status)
            os._exit(0)
        supervision.tell({"unfit": "the initialised process has ended"})


def _let_go(fork: _Fork) -> None:
    if not fork.process:
        return
    try:
        fork.tell(int(inspection.status_of(fork.process)["NSpid"].split()[-1]))
        tracer.let_go(fork.process)
    except (OSError, KeyError):
        return  # it has ended; `_reap` finds it


def _hand_out(message: dict[str, object], process: int) -> None:
    """With a descriptor of a process, by which the server finds it. Raises: OSError when it has ended."""
    descriptor = os.pidfd_open(process)
    try:
        supervision.hand_out(message, descriptor)
    finally:
        os.close(descriptor)


def _tell_failure(name: int, error: Exception) -> None:
    supervision.tell({"failed": name, "error": f"{type(error).__name__}: {error}"})


def _read(descriptor: int, size: int) -> bytes:
    """Raises: EOFError (nothing comes any more, or not soon)."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    data = os.read(descriptor, size) if poll.poll(_RESTORE_S_MAX * 1000) else b""
    if len(data) != size:
        raise EOFError("the place of an environment was not made")
    return data


def _receive_sender(channel: socket.socket, expected: bytes) -> int:
    """Who says this, as the kernel tells it. Raises: OSError, ValueError."""
    channel.settimeout(_RESTORE_S_MAX)
    data, ancillary, _flags, _address = channel.recvmsg(
        64, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_CMSG_CLOEXEC
    )
    if data != expected:
        raise ValueError("the snapshot did not answer as it should")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return _CREDENTIALS.unpack(content)[0]
    raise ValueError("nobody is known to have answered")


def _receive_control() -> tuple[bytes, list[int]]:
    descriptors = array.array("i")
    with socket.socket(fileno=os.dup(CONTROL)) as control:
        data, ancillary, _flags, _address = control.recvmsg(
            MESSAGE_BYTES_MAX, socket.CMSG_SPACE(2 * descriptors.itemsize), socket.MSG_CMSG_CLOEXEC
        )
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content)
    return data, list(descriptors)
