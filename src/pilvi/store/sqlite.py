"""The embedded engine: one SQLite file in WAL mode, shared by the processes of one machine.

Group commit. Bodies run one after another on the event loop, inside one SQLite transaction; what a body
buffered is applied to it when the body succeeds. Then comes COMMIT, which waits for the disk. On a fast
disk it is run at once: handing it to a thread and back costs more than the wait. On a slow one it runs in
the one writer thread. Either way, what comes meanwhile forms the next group. How the promises of `api.py`
are kept:

1, 2. SQLite's WAL with synchronous=FULL: COMMIT returns after the sync. (`relaxed` keeps 1 and gives up
   2 for a crash of the machine; a crash of the process loses nothing.)
3. Between BEGIN IMMEDIATE and COMMIT this process holds the write lock, for which processes queue.
4. Nobody is answered before COMMIT returned, and reads see it (`sqlite_reader.py`). That holds for errors too: a body
   that raises may have looked at what an earlier one of its group wrote.
5. A group whose COMMIT fails is rolled back whole. After an I/O error the pages that the kernel holds may
   differ from the disk, so the engine refuses further writes until it is opened again (`in_doubt`).

Who may use the writing connection: the loop between BEGIN and handing over to the thread; the thread
until it calls back. `_busy` is true all that time.
"""

# pyright: reportUnknownMemberType=false
# apsw's stubs name `collections.abc.Buffer`, which Python 3.11 lacks.

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, NamedTuple, TypeVar

import apsw

from pilvi.base.entropy import Entropy
from pilvi.contracts.causes import NO_CAUSE, Cause
from pilvi.store import sqlite_file
from pilvi.store.api import (
    Outbox,
    Snapshot,
    StoreStatistics,
    StoreUnavailable,
    Survey,
    Transaction,
)
from pilvi.store.buffer import BufferedTransaction
from pilvi.store.kept import Generation, Remembered
from pilvi.store.locks import WriteLock
from pilvi.store.sqlite_log import WriteAheadLog
from pilvi.store.sqlite_reader import Reader
from pilvi.store.sqlite_view import View
from pilvi.store.waits import run_hints
from pilvi.store.wakes import Wakes

T = TypeVar("T")

Durability = Literal["full", "relaxed"]

GROUP_BODIES_MAX = 256
GROUP_BYTES_MAX = 4 * 1024 * 1024
GROUP_S_MAX = 0.02
"""A group ends when its bodies have kept the loop for so long."""
PENDING_MAX = 65_536
"""Bodies that may wait for their group; more are refused."""
PATIENCE_S = 0.001
"""Commits that take longer, on average, go to the thread."""
PROBE_EVERY = 256
"""One of so many commits is tried on the loop again: the disk may have become faster."""
IDLE_S = 5.0
"""Without a commit for so long, the WAL is emptied, and pages that are free are given back to the disk in steps."""
SHRINK_S = 0.2
"""Between two of these steps."""

_PUT = "INSERT OR REPLACE INTO kv (key, value) VALUES (?, ?)"
_DELETE = "DELETE FROM kv WHERE key = ?"
_DELETE_RANGE = "DELETE FROM kv WHERE key >= ? AND key < ?"


_log = logging.getLogger("pilvi.store")


class _Pending(NamedTuple):
    body: Callable[[Transaction], Any]
    cause: Cause
    answer: asyncio.Future[Any]
    context: Context


class _Done(NamedTuple):
    tx: BufferedTransaction
    answer: asyncio.Future[Any]
    result: Any
    error: BaseException | None


class _Pace:
    """How long commits take on the loop: a moving average, which one slow commit raises at once."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._average_s = 0.0
        self._passed_over = 0

    def is_fast(self) -> bool:
        if self._average_s < self._patience_s:
            return True
        self._passed_over += 1
        return self._passed_over % PROBE_EVERY == 0

    def note(self, took_s: float) -> None:
        slow = took_s > 10 * self._patience_s
        self._average_s = took_s if slow else self._average_s * 0.875 + took_s * 0.125


class SqliteStore:
    """Implements `api.Store`. Used on one event loop at a time."""

    def __init__(
        self,
        path: Path,
        *,
        durability: Durability = "full",
        entropy: Entropy | None = None,
        run: Path | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`patience_s`: for how long a commit may keep the loop waiting. `run`: the folder of the processes'
        sockets; `run/` beside the database by default.

        Raises: PilviError when the file is not a database of ours, or a newer one.
        """
        self.outbox: Outbox | None = None
        self._path = path
        self._relaxed = durability == "relaxed"
        self._lock = WriteLock(path.parent)
        self._writer = sqlite_file.open_writer(path, self._lock, relaxed=self._relaxed)
        self._pace = _Pace(patience_s)
        empty = not sqlite_file.log_size(path)
        self._log = WriteAheadLog(self._writer, empty=empty, failed=self._note_failure)
        self._write_cursor = self._writer.cursor()
        self._generation = Generation(path.parent / "generation")
        self._remembered = Remembered(self._generation)
        self._reader = Reader(path, self._remembered)
        self._wakes = Wakes(run or path.parent / "run", entropy or Entropy(), self._others_commits)
        self._pending: deque[_Pending] = deque()
        self._busy = False
        self._closing = False
        self._closed: asyncio.Event | None = None
        self._failure: str | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_commits = 0
        self._transactions = 0
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="pilvi-store", daemon=True)
        self._thread.start()

    # --- reading

    async def read(self, body: Callable[[Snapshot], T]) -> T:
        self._assert_open()
        return self._reader.read(body)

    async def survey(self, body: Callable[[Survey], T]) -> T:
        self._assert_open()
        return await asyncio.get_running_loop().run_in_executor(None, self._reader.survey, body)

    # --- writing: the loop's side

    async def write(self, body: Callable[[Transaction], T], *, cause: Cause = NO_CAUSE) -> T:
        self._assert_open()
        if self._failure is not None:
            raise StoreUnavailable(reason=self._refusal())
        if len(self._pending) >= PENDING_MAX:
            raise StoreUnavailable(reason="too many transactions wait")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._transactions += 1
        self._pending.append(_Pending(body, cause, answer, copy_context()))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._begin, loop)
        return await answer

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the next group, or fall idle."""
        if self._failure is not None:
            self._refuse_pending(self._refusal())
        if not self._pending:
            self._busy = False
            if self._closed is not None:
                self._closed.set()
            elif self._idle_timer is None:
                self._idle_commits = self._log.commits
                delay_s = SHRINK_S if self._log.spare else IDLE_S
                self._idle_timer = loop.call_later(delay_s, self._idle, loop)
            return
        if self._begin_at_once():
            self._run_group(loop)
        else:
            self._jobs.put(lambda: self._acquire(loop))

    def _begin_at_once(self) -> bool:
        """False when someone else writes, or on an error: the thread then waits, or states it."""
        try:
            if not self._lock.try_acquire():
                return False
        except OSError:
            return False
        try:
            self._write_cursor.execute("BEGIN IMMEDIATE")
        except apsw.Error:
            self._lock.release()
            return False
        return True

    def _run_group(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run the bodies that wait, within the group's bounds, and hand the commit to the thread."""
        group: list[_Done] = []
        size_bytes = 0
        changes = False
        until_s = loop.time() + GROUP_S_MAX
        remembered = self._remembered.now()  # nobody else commits now
        try:
            while self._pending and len(group) < GROUP_BODIES_MAX and size_bytes < GROUP_BYTES_MAX:
                pending = self._pending.popleft()
                if pending.answer.done():
                    continue  # Its caller has gone.
                done = self._run_body(pending, remembered)
                group.append(done)
                if done.error is None and done.tx.changes:
                    self._apply(done.tx)
                    changes = True
                    if done.tx.unsettles:
                        remembered = None  # until the commit has counted it
                    size_bytes += done.tx.size_bytes
                if loop.time() > until_s:
                    break
        except Exception as error:  # noqa: BLE001 - it is raised again in every writer of the group
            self._roll_back()
            self._lock.release()
            self._finish_and_go_on(loop, group, error)
            return
        if changes and not self._relaxed and not self._pace.is_fast():
            self._jobs.put(lambda: self._commit(loop, group))
            return
        began_s = loop.time()
        failure = self._commit_now(group)
        if changes:
            self._pace.note(loop.time() - began_s)
        self._lock.release()
        self._finish(group, failure)
        if self._log.is_long and failure is None:
            self._jobs.put(lambda: self._tend(loop, self._log.checkpoint))
        else:
            loop.call_soon(self._begin, loop)

    def _run_body(self, pending: _Pending, remembered: dict[bytes, Any] | None) -> _Done:
        view = View(self._write_cursor, remembered)
        tx = BufferedTransaction(view, pending.cause, self.outbox)
        result, failure = None, None
        try:
            result = pending.context.run(pending.body, tx)
        except apsw.Error as error:
            failure = StoreUnavailable(reason=str(error))
        except StopIteration as error:  # No future takes it.
            failure = RuntimeError("a transaction's body raised StopIteration")
            failure.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - it is raised again in the writer
            failure = error
        view.end()
        tx.end()
        return _Done(tx, pending.answer, result, failure)

    def _apply(self, tx: BufferedTransaction) -> None:
        cursor = self._write_cursor
        for span in tx.ranges:
            cursor.execute(_DELETE_RANGE, span)
        for pair in tx.writes.items():
            if pair[1] is None:
                cursor.execute(_DELETE, pair[:1])
            else:
                cursor.execute(_PUT, pair)

    def _finish(self, group: list[_Done], failure: Exception | None) -> None:
        """Answer everybody, once the commit is certain or has failed."""
        if failure is not None:
            self._note_failure(failure)
            for done in group:
                run_hints(done.tx.abort_actions)
                if not done.answer.done():
                    done.answer.set_exception(StoreUnavailable(reason=str(failure)))
            return
        topics: list[str] = []
        for done in group:
            if done.error is not None:
                run_hints(done.tx.abort_actions)
                if not done.answer.done():
                    done.answer.set_exception(done.error)
                continue
            topics += done.tx.topics
            run_hints(done.tx.commit_actions)
            if not done.answer.done():
                done.answer.set_result(done.result)
        if topics:
            self._wakes.wake(topics)

    # --- writing: the thread's side

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:  # noqa: BLE001 - the thread must live, or writers wait for ever
                self._failure = f"the writer thread: {error!r}"
                _log.exception("The store's writer thread failed")

    def _acquire(self, loop: asyncio.AbstractEventLoop) -> None:
        """Queue for the write lock behind other processes, then run the group on the loop."""
        try:
            self._lock.acquire()
            try:
                sqlite_file.begin_patiently(self._writer)
            except BaseException:
                self._lock.release()
                raise
        except (apsw.Error, OSError) as error:
            _call(loop, self._refuse_and_go_on, loop, error)
        else:
            _call(loop, self._run_group, loop)

    def _commit(self, loop: asyncio.AbstractEventLoop, group: list[_Done]) -> None:
        failure = self._commit_now(group)
        if failure is None and self._log.is_long:
            _call(loop, self._finish, group, None)
            try:
                self._log.checkpoint()
            finally:
                self._lock.release()
                _call(loop, self._begin, loop)
        else:
            self._lock.release()
            _call(loop, self._finish_and_go_on, loop, group, failure)

    def _tend(self, loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
        """Keep other processes' writers away during a checkpoint, if none is at work now."""
        try:
            if self._lock.try_acquire():
                try:
                    work()
                finally:
                    self._lock.release()
        finally:
            _call(loop, self._begin, loop)

    # --- both

    def _commit_now(self, group: list[_Done]) -> Exception | None:
        unsettles = any(done.tx.unsettles and done.error is None for done in group)
        if unsettles:
            self._generation.begin()
        try:
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - it is raised again in every writer of the group
            self._roll_back()
            return error
        finally:
            if unsettles:
                self._generation.end()
        return None

    def _roll_back(self) -> None:
        """Undo, unless SQLite already has (it does after some errors)."""
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except apsw.Error as error:
            self._failure = f"a rollback failed: {error}"

    def _finish_and_go_on(
        self, loop: asyncio.AbstractEventLoop, group: list[_Done], failure: Exception | None
    ) -> None:
        self._finish(group, failure)
        # After the callers that were just answered: what they write next joins the next group.
        loop.call_soon(self._begin, loop)

    def _refuse_and_go_on(self, loop: asyncio.AbstractEventLoop, failure: Exception) -> None:
        self._note_failure(failure)
        self._refuse_pending(str(failure))
        self._begin(loop)

    def _refuse_pending(self, reason: str) -> None:
        while self._pending:
            answer = self._pending.popleft().answer
            if not answer.done():
                answer.set_exception(StoreUnavailable(reason=reason))

    def _refusal(self) -> str:
        return f"the disk failed before ({self._failure}); restart to recover"

    def _note_failure(self, failure: Exception) -> None:
        if sqlite_file.leaves_doubt(failure):
            self._failure = str(failure)

    def _idle(self, loop: asyncio.AbstractEventLoop) -> None:
        self._idle_timer = None
        if self._busy or self._failure is not None or self._log.is_tidy:
            return  # When busy, the next idle moment sets the timer again.
        if self._log.commits != self._idle_commits:
            self._idle_commits = self._log.commits
            self._idle_timer = loop.call_later(IDLE_S, self._idle, loop)
            return
        self._busy = True
        self._jobs.put(lambda: self._tend(loop, self._log.tidy))

    # --- the rest

    @property
    def in_doubt(self) -> bool:
        return self._failure is not None

    def generation(self) -> int | None:
        return self._generation.now()

    def wake(self, topic: str) -> None:
        self._wakes.wake_without_commit(topic)

    def _others_commits(self) -> int | None:
        """See `Wakes`. SQLite counts for each connection what the others commit."""
        if self._busy:
            return None  # another thread may be using it
        try:
            return self._writer.pragma("data_version")
        except apsw.Error:
            return None

    async def wait(self, topic: str, timeout_s: float | None = None) -> bool:
        self._assert_open()
        return await self._wakes.wait(topic, timeout_s)

    def statistics(self) -> StoreStatistics:
        return StoreStatistics(
            self._log.commits,
            self._transactions,
            sqlite_file.size(self._path),
            sqlite_file.log_size(self._path),
        )

    async def close(self) -> None:
        """Finish what waits, empty the WAL and let go. A second call does nothing."""
        if self._closing:
            return
        self._closing = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._busy:
            self._closed = asyncio.Event()
            await self._closed.wait()
        if self._failure is None and self._lock.try_acquire():
            self._jobs.put(self._log.truncate)
        self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._reader.close()
        sqlite_file.close_writer(self._writer, in_doubt=self.in_doubt)
        self._lock.close()
        self._wakes.close()

    def _assert_open(self) -> None:
        assert not self._closing, "the store is closed"


def _call(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *args: Any) -> None:
    """From the thread to the loop; when that is closed, nobody waits any more."""
    try:
        loop.call_soon_threadsafe(function, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise
