"""The end of an initialisation that is kept in memory, seen from inside: each environment goes on from a fork of it.

Runs in a customer's process, so nothing here is relied upon for the walls: `templates.py`, outside, makes them and
looks whether they stand. What is done here is for the function's own good: connections that cannot be in two places
are shut down, open files are opened anew, the log is the environment's own, and Landlock's rules are about its /tmp.
"""

from __future__ import annotations

import ctypes
import gc
import os
import socket
import stat

from pilvi.compute.launcher import landlock

CHANNEL = 61
"""The descriptor by which it is asked for forks."""
FRAMED_LOG = 62
"""The runtime's descriptor for frames of its log, where AWS has it."""
READY, FORKED, TRACED, RESTORE, ENDED = b"ready", b"forked", b"traced", b"restore", b"ended"
_MESSAGE_BYTES_MAX = 64


def wait(landlock_abi: int, devices: list[str]) -> None:
    """Returns in each fork, where an environment goes on; in the process that was initialised, never."""
    libc = ctypes.CDLL(None, use_errno=True)
    directory = os.getcwd()
    channel = socket.socket(fileno=CHANNEL)
    _settle()
    channel.send(READY)
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(
            channel, _MESSAGE_BYTES_MAX, 2, socket.MSG_CMSG_CLOEXEC
        )
        if message != RESTORE or len(descriptors) != 2:
            os._exit(0)  # the supervisor has gone
        process = os.fork()
        if process == 0:
            namespaces, log = descriptors
            _cross(libc, channel, namespaces)
            channel.close()
            os.close(namespaces)
            _begin(log, directory)
            if landlock_abi:
                landlock.restrict(landlock_abi, devices)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        _process, status = os.waitpid(process, 0)
        # By a signal the supervisor ends it, when another one has gone on from there.
        if not os.WIFSIGNALED(status):
            channel.send(ENDED)


def _settle() -> None:
    """Leave nothing behind that a fork could not have.

    Libraries that know of forks end their threads before one, so one is tried before anybody counts them.
    """
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor != CHANNEL:
            _shut_down(descriptor)
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    gc.collect()
    gc.freeze()  # collections in a fork need not touch, and thus copy, what it shares


def _shut_down(descriptor: int) -> None:
    """A connection: clients notice that it has ended, and make another one."""
    try:
        kind = os.stat(descriptor).st_mode
    except OSError:
        return  # that of the listing
    if not stat.S_ISSOCK(kind):
        return
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it was not connected


def _cross(libc: ctypes.CDLL, channel: socket.socket, namespaces: int) -> None:
    """Be led into the namespaces of an environment; returns in its first process there."""
    channel.send(FORKED)
    if channel.recv(_MESSAGE_BYTES_MAX) != TRACED:
        os._exit(1)
    if libc.setns(ctypes.c_int(namespaces), ctypes.c_int(0)) != 0:
        os._exit(1)
    if os.fork():
        os._exit(0)


def _begin(log: int, directory: str) -> None:
    os.setsid()
    for target in (1, 2, FRAMED_LOG):
        os.dup2(log, target)
    os.close(log)
    os.chdir(directory)
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor not in (1, 2, FRAMED_LOG):
            _open_anew(descriptor)


def _open_anew(descriptor: int) -> None:
    """A file that is read: forks would share how far."""
    try:
        if not stat.S_ISREG(os.stat(descriptor).st_mode):
            return
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        inheritable = os.get_inheritable(descriptor)
        opened = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return  # that of the listing
    os.lseek(opened, place, os.SEEK_SET)
    os.dup2(opened, descriptor, inheritable)
    os.close(opened)
