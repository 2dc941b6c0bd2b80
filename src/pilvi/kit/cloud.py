"""The running cloud, as its services see it: store, clock, jobs, and each other through questions.

One per process; app.py makes it. Holds nothing that another process would need to know.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pilvi.base.arn import Scope
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.base.errors import AwsError, InternalFailure, NotBuilt
from pilvi.base.http import Body, HttpRequest
from pilvi.contracts.causes import Cause
from pilvi.dispatch.registry import JobKind, ServiceDispatch
from pilvi.identity.principal import Principal
from pilvi.kit import execution
from pilvi.kit.call import Call
from pilvi.kit.decided import Decided
from pilvi.kit.recent import Recent
from pilvi.kit.service import JobKind as ServiceJobKind
from pilvi.kit.service import Operation, Service, no_body
from pilvi.kit.settings import Settings
from pilvi.store.api import Snapshot, Store
from pilvi.store.kept import Kept

if TYPE_CHECKING:
    from pilvi.store.blobs import Blobs

T = TypeVar("T")
log = logging.getLogger("pilvi.kit")

_ARN_NAMES = {"states": "stepfunctions", "execute-api": "apigatewayv2"}
"""Services whose ARNs say another name than botocore."""


class Cloud:
    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        blobs: Blobs,
        clock: Clock,
        entropy: Entropy,
        services: Mapping[str, str],
        questions: Mapping[type[Any], str],
    ) -> None:
        """`services`: botocore name -> "module:attribute" of its Service, loaded when first needed.

        `questions`: Protocol of contracts/ -> "module:attribute" of a class taking the cloud.
        """
        self.settings = settings
        self.store = store
        self.blobs = blobs
        self.clock = clock
        self.entropy = entropy
        self._service_places = services
        self._question_places = questions
        self._services: dict[str, Service] = {}
        self._registrations: dict[str, ServiceDispatch] = {}
        self._answers: dict[type[Any], Any] = {}
        self.recent = Recent()
        self.decided = Decided()
        self._kept: dict[Callable[..., Any], Kept[Any]] = {}

    # --- services, loaded when first called

    @property
    def service_names(self) -> list[str]:
        """All services that exist here, loaded or not."""
        return list(self._service_places)

    def has_service(self, name: str) -> bool:
        return name in self._service_places

    def service(self, name: str) -> Service:
        """Raises: NotBuilt for a service that pilvi does not have yet."""
        service = self._services.get(name)
        if service is None:
            place = self._service_places.get(name)
            if place is None:
                raise NotBuilt(what=f"the service {name}")
            service = cast("Service", _load(place))
            self._services[name] = service
        return service

    def operation(self, service: str, name: str) -> Operation:
        """Raises: NotBuilt for an operation that pilvi does not have yet."""
        operation = self.service(service).operations.get(name)
        if operation is None:
            raise NotBuilt(what=f"{service}.{name}")
        return operation

    def registrations(self, name: str) -> ServiceDispatch:
        """What a service told about jobs and deliveries, for the dispatcher. `name`: as ARNs have it.

        Raises: NotBuilt.
        """
        known = self._registrations.get(name)
        if known is None:
            service = self.service(_ARN_NAMES.get(name, name))
            known = self._registrations[name] = ServiceDispatch(
                jobs={kind: self._registered(job) for kind, job in service.jobs.items()},
                target=None if service.target is None else partial(service.target, self),
                target_retry=service.target_retry,
            )
        return known

    def _registered(self, job: ServiceJobKind) -> JobKind:
        handle = partial(job.handle, self)
        if job.pending is None:
            return JobKind(handle, job.retry, job.bury)
        return JobKind(retry=job.retry, reside=handle, pending=partial(job.pending, self))

    # --- questions to other services

    def ask(self, question: type[T]) -> T:
        answer = self._answers.get(question)
        if answer is None:
            place = self._question_places.get(question)
            assert place is not None, f"nobody answers {question.__name__}: see app.py"
            factory = cast("Callable[[Cloud], Any]", _load(place))
            answer = self._answers[question] = factory(self)
        return cast("T", answer)

    def bind(self, question: type[T], answer: T) -> None:
        """Answer a question with something that app.py made itself."""
        self._answers[question] = answer

    def answered(self) -> list[Any]:
        """Everyone who was asked something so far: those with `close` or `retire_all` are told of ends."""
        return list(self._answers.values())

    def kept(self, load: Callable[[Snapshot, str], T], *, most: int) -> Kept[T]:
        """What `load` makes of kept records, by name; one memory for each such function (`store/kept.py`)."""
        found = self._kept.get(load)
        if found is None:
            found = self._kept[load] = Kept(self.store, load, most=most)
        return cast("Kept[T]", found)

    # --- performing

    def call(
        self,
        operation: Operation,
        *,
        scope: Scope,
        principal: Principal,
        request_id: str,
        request: HttpRequest | None = None,
        parent: str | None = None,
    ) -> Call:
        return Call(
            cloud=self,
            service=operation.service.name,
            operation=operation.name,
            scope=scope,
            principal=principal,
            request_id=request_id,
            now_ms=self.clock.now_ms(),
            request=request,
            parent=parent,
        )

    async def perform(
        self,
        service: str,
        operation: str,
        params: dict[str, Any],
        *,
        scope: Scope,
        principal: Principal,
        cause: Cause,
        body: Body | None = None,
    ) -> dict[str, Any]:
        """Call any API from inside the cloud: the same authorisation, validation and handler, no HTTP.

        Raises: AwsError as the API would answer it.
        """
        found = self.operation(service, operation)
        call = self.call(
            found,
            scope=scope,
            principal=principal,
            request_id=cause.request_id,
            parent=cause.parent,
        )
        return await execution.perform(call, found, params, body or no_body())


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def as_aws_error(error: BaseException, request_id: str) -> AwsError:
    """What the caller is told of an unexpected exception; the traceback goes to the log."""
    if isinstance(error, AwsError):
        return error
    log.error("request %s failed", request_id, exc_info=error)
    return InternalFailure()
