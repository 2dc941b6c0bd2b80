"""This process's execution environments: made, reused, and retired when what they were made from changes.

Every invocation reads the function's record, and an environment is found by a key that names the record's
revision: so no process runs old code after another one changed it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import orjson

from pilvi.base.arn import Arn, Scope
from pilvi.base.clock import Clock
from pilvi.compute import report
from pilvi.compute.api import (
    Backend,
    Environment,
    EnvironmentFailed,
    EnvironmentGone,
    EnvironmentSpec,
    InvalidEntrypoint,
    Invocation,
    Outcome,
)
from pilvi.compute.bubblewrap import BubblewrapBackend
from pilvi.compute.namespaces import NamespacesBackend
from pilvi.compute.pool import Pool, Throttled
from pilvi.compute.process import ProcessBackend
from pilvi.compute.provided import Held, Wanted
from pilvi.compute.runtimes import Runtimes
from pilvi.compute.slots import Slots
from pilvi.compute.streaming import ResponseStream
from pilvi.compute.tracing import trace
from pilvi.contracts.credentials import Credential, RoleNotAssumable, Sessions
from pilvi.contracts.delivery import Source
from pilvi.contracts.logs import LogSink
from pilvi.contracts.platform import Platform
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import debugging, errors, limits, lineage, sealing
from pilvi.services.lambda_.laid_out import LaidOut
from pilvi.services.lambda_.names import function_arn, source_of
from pilvi.services.lambda_.preparing import Preparing, initialization_of
from pilvi.services.lambda_.provisioned import TOPIC
from pilvi.services.lambda_.rates import quotas_of
from pilvi.services.lambda_.records import Configuration, Function, Runnable
from pilvi.store.blob_rows import BlobGone

log = logging.getLogger("pilvi.lambda")

_KNOWN_MAX = 4096
"""Functions whose credentials and last key are remembered; of the others they are made again."""

_PACKAGES_MAX = 2
"""Packages that are taken in at a time, each whole in memory: 250 MB when it comes from S3."""

_ENVIRONMENTS_MAX = 3
"""Environments that may turn out dead before one invocation is given up."""


class _Known(msgspec.Struct, frozen=True):
    """What the environments of one version of a function are made with now.

    `made_of`: names its revision. `stored`: done when the credential is.
    """

    made_of: str
    credential: Credential
    stored: asyncio.Future[Credential]

    @property
    def key(self) -> str:
        return f"{self.made_of}:{self.credential.access_key_id}"


class Runner:
    """Begins with the first invocation; `close` ends every sandbox."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.laid_out = LaidOut(cloud)
        self.preparing = Preparing(
            self.laid_out, self._open, self._snapshot, exact=cloud.settings.exact_runtimes
        )
        self.quotas = quotas_of(cloud)
        self.packages_room = asyncio.Semaphore(_PACKAGES_MAX)
        self._pool: asyncio.Task[Pool] | None = None
        self._known: OrderedDict[str, _Known] = OrderedDict()
        """By ARN with version; the one used last at the end."""
        self._issuing: dict[str, asyncio.Task[_Known]] = {}
        """By revision: one session for however many invocations come at once."""

    async def run(
        self,
        scope: Scope,
        runnable: Runnable,
        payload: bytes,
        *,
        request_id: str,
        invoked_arn: str,
        client_context: str | None = None,
        trace_id: str | None = None,
        stream: ResponseStream | None = None,
        accepted: bool = False,
    ) -> Outcome:
        """Run one invocation; its log lines are posted when it returns.

        `stream`: gets the answer as it is made, if the function streams it. `accepted`: nobody waits for it, and no
        rate refuses it.

        Raises: TooManyRequestsException, RecursiveInvocationException, ServiceException (the sandbox could not be
            made, and why).
        """
        function = runnable.function
        incoming, runs = lineage.advance(trace_id, function_arn(scope, function.name))
        if runs >= lineage.RUNS_MAX and function.recursive_loop == "Terminate":
            raise errors.RecursiveInvocationException()
        if function.reserved_concurrency == 0:
            raise errors.TooManyRequestsException(
                members={"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}
            )
        if self.quotas is not None and not accepted:
            self.quotas.admit(scope, function)
        invocation = Invocation(
            request_id=request_id,
            payload=payload,
            invoked_function_arn=invoked_arn,
            client_context=client_context,
            trace=trace(
                incoming,
                active=runnable.configuration.settings.tracing == "Active",
                now_ms=self._cloud.clock.now_ms(),
                random=self._cloud.entropy.hex(40),
            ),
            stream=stream,
        )
        outcome, log_stream = await self._invoke(scope, runnable, invocation)
        await self._cloud.ask(LogSink).post_lines(
            scope, runnable.configuration.log_group, log_stream, outcome.log_lines
        )
        return outcome

    async def _invoke(
        self, scope: Scope, runnable: Runnable, invocation: Invocation
    ) -> tuple[Outcome, str]:
        """The outcome, and the log stream of the environment that it happened in."""
        pool = await self._open()
        function, configuration = runnable
        arn = function_arn(scope, function.name)
        for _ in range(_ENVIRONMENTS_MAX):
            known = await self._know(pool, arn, function.name, configuration)

            async def make_spec(known: _Known = known) -> EnvironmentSpec:
                return await self._spec(scope, arn, function.name, configuration, known)

            try:
                environment = await pool.acquire(
                    known.key, arn, make_spec, reserved=_beside_provisioned(function)
                )
            except Throttled as refusal:
                raise errors.TooManyRequestsException(members={"Reason": refusal.reason}) from None
            except InvalidEntrypoint as problem:
                spec = await make_spec()
                return _not_startable(invocation, spec, problem, self._cloud.clock), spec.log_stream
            except BlobGone:
                raise errors.ServiceException(
                    detail="The function was changed while it was started. Try again."
                ) from None
            except EnvironmentFailed as problem:
                log.error("no environment for %s: %s", arn, problem)
                raise errors.ServiceException(detail=str(problem)) from None
            try:
                await _stored(known)
                return await environment.invoke(invocation), environment.spec.log_stream
            except EnvironmentGone:
                continue  # nothing ran: the next one is made anew
            finally:
                pool.release(environment)
        raise errors.ServiceException(
            detail=f"{_ENVIRONMENTS_MAX} environments ended before the invocation began."
        )

    async def await_departure(self, function: str, patience_s: float) -> bool:
        """Wait for an invocation of a function (its ARN) to end here; False where none does, or none runs."""
        return await (await self._open()).await_departure(function, patience_s)

    async def provision(
        self, owner: str, scope: Scope, versions: Sequence[tuple[Runnable, int]]
    ) -> Held:
        """Hold so many environments of these versions ready for `owner`, and no others that it held before.

        Raises: AwsError: there can be none.
        """
        if not versions and self._pool is None:
            return Held(0, None)
        pool = await self._open()
        pool.provided.on_loss = lambda: self._cloud.store.wake(TOPIC)
        wanted: list[Wanted] = []
        for runnable, count in versions:
            function, configuration = runnable
            arn = function_arn(scope, function.name)
            known = await self._know(pool, arn, function.name, configuration)
            await _stored(known)

            async def spec(
                arn: str = arn, runnable: Runnable = runnable, known: _Known = known
            ) -> EnvironmentSpec:
                name, configuration = runnable.function.name, runnable.configuration
                made = await self._spec(scope, arn, name, configuration, known)
                return msgspec.structs.replace(made, initialization_type="provisioned-concurrency")

            wanted.append(Wanted(known.key, count, spec))
        try:
            return await pool.provided.provide(owner, wanted)
        except (EnvironmentFailed, BlobGone) as problem:
            raise errors.ServiceException(detail=str(problem)) from None

    async def _snapshot(self, scope: Scope, function: Function, version: Configuration) -> None:
        """See `Preparing`."""
        pool, arn = await self._open(), function_arn(scope, function.name)
        known = await self._know(pool, arn, function.name, version)
        await _stored(known)
        await pool.prepare_snapshot(await self._spec(scope, arn, function.name, version, known))

    async def retire_all(self) -> None:
        """End all environments that are not busy: what they were made from is gone."""
        self._known.clear()
        if self._pool is not None:
            await (await self._pool).end_idle()

    async def close(self) -> None:
        """End all environments and what makes them."""
        await self.preparing.close()
        if self._pool is not None and not (self._pool.done() and self._pool.exception()):
            await (await self._pool).close()
        if self.quotas is not None:
            self.quotas.close()

    # --- what environments are made from

    async def _know(self, pool: Pool, arn: str, name: str, configuration: Configuration) -> _Known:
        """The key that a version's environments have now, and the credentials in them.

        Environments of an older key take no new invocations.
        """
        cloud = self._cloud
        version_arn = f"{arn}:{configuration.version}"
        made_of = f"{version_arn}:{configuration.revision_id}"
        known = self._known.get(version_arn)
        if known is not None and known.made_of == made_of:
            ends_ms = known.credential.expires_at_ms or 0
            if ends_ms - limits.SESSION_MARGIN_MS > cloud.clock.now_ms():
                self._known.move_to_end(version_arn)
                return known
        task = self._issuing.get(made_of)
        if task is None:
            task = asyncio.create_task(
                self._issue(pool, version_arn, made_of, name, configuration.role, source_of(arn))
            )
            self._issuing[made_of] = task
            task.add_done_callback(lambda _: self._issuing.pop(made_of, None))
        fresh = await asyncio.shield(task)
        if known is not None and known.key != fresh.key:
            pool.retire(known.key)
        return fresh

    async def _issue(
        self,
        pool: Pool,
        version_arn: str,
        made_of: str,
        name: str,
        role: str,
        source: Source,
    ) -> _Known:
        """Known before the task is done: whoever comes between would issue another.

        Environments begin with credentials that are being stored, and run nothing before they are.
        """
        try:
            credential, stored = await self._cloud.ask(Sessions).begin_session(
                role_arn=role,
                session_name=name,
                duration_s=limits.SESSION_S,
                source=source,
            )
        except RoleNotAssumable as problem:
            raise errors.RoleNotAssumed() from problem
        fresh = self._known[version_arn] = _Known(made_of, credential, stored)

        def forget(stored: asyncio.Future[Credential]) -> None:
            if stored.cancelled() or stored.exception() is not None:
                pool.retire(fresh.key)
                if self._known.get(version_arn) is fresh:
                    del self._known[version_arn]

        stored.add_done_callback(forget)
        if len(self._known) > _KNOWN_MAX:
            self._known.popitem(last=False)
        return fresh

    async def _spec(
        self, scope: Scope, arn: str, name: str, configuration: Configuration, known: _Known
    ) -> EnvironmentSpec:
        """For one environment: each has a log stream of its own."""
        cloud = self._cloud
        credential, settings = known.credential, configuration.settings
        assert credential.session_token is not None
        variables = {
            **await sealing.variables_of(cloud, scope, arn, configuration),
            "AWS_REGION": scope.region,
            "AWS_DEFAULT_REGION": scope.region,
            "AWS_ACCESS_KEY_ID": credential.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credential.secret_access_key,
            "AWS_SESSION_TOKEN": credential.session_token,
        }
        day = time.strftime("%Y/%m/%d", time.gmtime(cloud.clock.now_ms() // 1000))
        spec = EnvironmentSpec(
            key=known.key,
            function_name=name,
            function_arn=arn,
            version=configuration.version,
            runtime=configuration.runtime,
            handler=configuration.handler,
            code_dir=await self.laid_out.directory(configuration.package),
            layer_dirs=await self.laid_out.layers(configuration),
            environment=variables,
            memory_mb=configuration.memory_mb,
            timeout_s=configuration.timeout_s,
            tmp_mb=configuration.tmp_mb,
            log_group=configuration.log_group,
            log_format=settings.log_format,
            application_log_level=settings.application_log_level or "INFO",
            credentials_expire_at_ms=credential.expires_at_ms or 0,
            initialization_type=initialization_of(configuration),
            system_log_level=settings.system_log_level or "INFO",
            log_stream=f"{day}/[{configuration.version}]{cloud.entropy.hex(32)}",
            exact_runtime=cloud.settings.exact_runtimes,
        )
        return await debugging.attached(spec, cloud.settings.data, self.laid_out.unpacked)

    # --- the pool

    async def _open(self) -> Pool:
        """Raises: ServiceException when this host has no usable sandboxes."""
        if self._pool is None or (self._pool.done() and self._pool.exception() is not None):
            self._pool = asyncio.create_task(self._make_pool())
        return await asyncio.shield(self._pool)

    async def _make_pool(self) -> Pool:
        backend = await self._make_backend()
        probe = await backend.probe()
        if not probe.usable:
            await backend.close()
            log.error("functions cannot run here: %s %s", probe.reason, probe.advice)
            raise errors.ServiceException(
                detail=f"Functions cannot run on this host: {probe.reason} {probe.advice}"
            )
        workers = self._cloud.settings.workers
        slots = Slots(self._cloud.settings.data / "run" / "lambda.slots") if workers > 1 else None
        return Pool(
            backend,
            self._write_last_lines,
            slots=slots,
            account_max=limits.CONCURRENCY,
            may_grow=None if self.quotas is None else self.quotas.may_grow,
        )

    async def _write_last_lines(self, environment: Environment) -> None:
        """What an environment wrote after its last invocation."""
        spec, lines = environment.spec, environment.take_lines()
        if lines:
            scope = Arn.parse(spec.function_arn).scope
            sink = self._cloud.ask(LogSink)
            await sink.append_lines(scope, spec.log_group, spec.log_stream, lines)

    async def _make_backend(self) -> Backend:
        cloud = self._cloud
        platform = cloud.ask(Platform)
        run_dir = cloud.settings.data / "run" / "sandboxes"
        runtimes = await Runtimes.discover()
        if cloud.settings.backend == ProcessBackend.name:
            return ProcessBackend(
                run_dir=run_dir, clock=cloud.clock, runtimes=runtimes, platform=platform
            )
        host = urlsplit(platform.url).hostname or "localhost"
        make = BubblewrapBackend if cloud.settings.backend == "bubblewrap" else NamespacesBackend
        return make(
            run_dir=run_dir,
            clock=cloud.clock,
            runtimes=runtimes,
            platform=platform,
            host_names=() if host == "localhost" else (host,),
            hidden=(cloud.settings.data,),
            park=True,
            exact_cpu=cloud.settings.exact_cpu,
        )


async def _stored(known: _Known) -> None:
    """Raises: RoleNotAssumed, when the role has changed since the credentials were drawn; StoreUnavailable."""
    try:
        await asyncio.shield(known.stored)
    except RoleNotAssumable as problem:
        raise errors.RoleNotAssumed() from problem


def _beside_provisioned(function: Function) -> int | None:
    """How many environments a function may have that were not made beforehand; None: no number of its own."""
    reserved = function.reserved_concurrency
    return None if reserved is None else reserved - function.provisioned


def _not_startable(
    invocation: Invocation, spec: EnvironmentSpec, problem: InvalidEntrypoint, clock: Clock
) -> Outcome:
    """What AWS answers for a function whose program is not there: an error of the function."""
    request_id, now_ms = invocation.request_id, clock.now_ms()
    document = {
        "errorType": problem.reason,
        "errorMessage": f"RequestId: {request_id} Error: {problem}",
    }
    summary = report.report(
        request_id,
        duration_ms=0,
        memory_mb=spec.memory_mb,
        max_memory_mb=0,
        init_ms=None,
        status="error",
        error_type=problem.reason,
    )
    lines = [
        report.start(request_id, spec.version),
        f"{document['errorMessage']}\n",
        report.end(request_id),
        summary,
    ]
    return Outcome(
        request_id=request_id,
        payload=orjson.dumps(document),
        error="Unhandled",
        error_type=problem.reason,
        duration_ms=0,
        billed_ms=0,
        init_ms=None,
        max_memory_mb=0,
        log_lines=[(now_ms, line) for line in lines],
        own_lines=len(lines),
    )
