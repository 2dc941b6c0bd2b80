"""A service: its name, its operations, and the resource each of them acts on.

A handler is a plain function per operation, of one of three kinds:

    @dynamodb.read("GetItem")      def (call, at: Snapshot, req) -> result        a consistent view
    @dynamodb.write("PutItem")     def (call, tx: Transaction, req) -> result     one transaction
    @s3.stream("PutObject")        async def (call, req, body) -> result          waits between transactions

`req` and the result are the TypedDicts of the service's `wire.py`. The answer leaves after the commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pilvi.base.errors import AwsError, InternalFailure
from pilvi.base.http import Body, HttpRequest, HttpResponse
from pilvi.contracts.delivery import Deliver
from pilvi.contracts.facts import Fact
from pilvi.contracts.jobs import Bury, Retry
from pilvi.identity.permissions import OnResource, Permissions
from pilvi.identity.principal import Principal
from pilvi.kit.call import Call
from pilvi.kit.permission import Permission
from pilvi.kit.tags import TagsOf

if TYPE_CHECKING:
    from pilvi.kit.cloud import Cloud

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)

ResourceOf = Callable[[Call, Mapping[str, Any]], str | Sequence[str]]
"""Gives the ARN (or ARNs) that a request acts on; "*" for operations without a resource."""

ContextOf = Callable[[Call, Mapping[str, Any]], Mapping[str, tuple[str, ...]]]
"""Gives the condition keys of an operation's own, in lower case: s3:prefix, dynamodb:leadingkeys."""

PermissionsOfRequest = Callable[[Call, Mapping[str, Any]], Iterable[Permission]]
"""Gives further permissions that a request needs: iam:PassRole of the role that it names."""

AskResource = Callable[[Call, Permission, str], Awaitable[OnResource]]
"""Gives what stands on the resource's side: (call, what is asked, ARN) -> its policy and its owner."""

Serve = Callable[[Call, HttpRequest], Awaitable[HttpResponse]]
"""Answers plain HTTP that no model describes: an API's own endpoint, a function URL, a preflight."""

Finish = Callable[["Cloud", HttpRequest, HttpResponse], Awaitable[None]]
"""A last look at each response of a service, refusals too (S3's CORS headers): (cloud, request in path
style, response). May add headers."""


class Answered(NamedTuple):
    """A request from outside and what it was answered. `operation`: or the kind of an endpoint; "" where it is none.
    `request`: as `Finish` gets it. `error`: the code; "" for none. `principal`: None where nobody looked."""

    request: HttpRequest
    response: HttpResponse
    operation: str
    request_id: str
    error: str
    principal: Principal | None
    at_ms: int
    took_ms: int


Note = Callable[["Cloud", Answered], Awaitable[None]]
"""Told of each request of a service and its answer, before that leaves (S3's access logs)."""


class Kind(Enum):
    READ = "read"
    WRITE = "write"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Acts:
    """What an operation needs permission for. `action`: AWS's, where it is not `service:Operation`."""

    resource: ResourceOf
    action: str | None = None
    context: ContextOf | None = None
    told: Callable[[Call, Mapping[str, Any]], object] | None = None
    """See `Permission.told`."""
    tags: TagsOf | None = None
    """Where the request has the tags that it would put on or take off."""
    also: PermissionsOfRequest | None = None
    discloses: PermissionsOfRequest | None = None
    """What one needs to be told that something does not exist: asked when a handler raises `Undisclosed`."""
    free: bool = False
    """Whoever is authenticated may, whatever policies say (GetCallerIdentity)."""
    proves: Callable[[Call, Mapping[str, Any]], Awaitable[Permissions]] | None = None
    """Says who asks, where the request itself proves it (a token of an identity provider) and no signature does."""


@dataclass(frozen=True, slots=True)
class Operation:
    service: Service
    name: str
    kind: Kind
    handler: Handler
    action: str
    resource: ResourceOf
    context: ContextOf | None
    told: Callable[[Call, Mapping[str, Any]], object] | None
    tags: TagsOf | None
    also: PermissionsOfRequest | None
    discloses: PermissionsOfRequest | None
    free: bool
    proves: Callable[[Call, Mapping[str, Any]], Awaitable[Permissions]] | None
    accepted: Mapping[str, str]
    """Members taken without effect, each with the reason; "Tags" or nested "Code.ImageUri"."""
    validated: bool
    """Whether the model's constraints are checked before the handler (else the handler does)."""
    body_bytes_max: int


_ALWAYS = Retry(attempts_max=1 << 62, delay_s_max=60)
"""A resident is never given up."""


@dataclass(slots=True)
class JobKind:
    """`pending`: of residents only."""

    handle: Callable[..., Awaitable[Any]]
    retry: Retry
    bury: Bury | None
    pending: Callable[..., Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True)
class Tells:
    """Condition keys that cost a look into the store or some thought: told only when a policy asks for one of them.

    `keys`: in lower case, `aws:resourcetag/*` for a family. `tell(call, what is asked, ARN)` gives those that there
    are; what it leaves out is absent.
    """

    keys: frozenset[str]
    tell: Callable[[Call, Permission, str], Awaitable[Mapping[str, tuple[str, ...]]]]


def the_request(call: Call, req: Mapping[str, Any]) -> object:
    """For `Acts.told`, where `Tells` reads the whole request."""
    return req


def everything(call: Call, req: Mapping[str, Any]) -> str:
    """The resource of operations that act on no resource in particular."""
    return "*"


@dataclass(slots=True)
class Service:
    """One botocore model. Twins that share records are two Services in one folder.

    `name`: botocore's name ("dynamodb", "apigatewayv2"); `prefix`: of IAM actions ("apigateway").
    `acts`: for every operation that exists, what it acts on: permission is checked before the handler.
    `accepted`: operation -> member -> reason, for members without effect here.
    `opaque`: shapes that the protocol passes through undecoded.
    """

    name: str
    acts: Mapping[str, Acts]
    prefix: str = ""
    accepted: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    opaque: frozenset[str] = frozenset()
    body_bytes_max: int = 10 * 1024 * 1024
    validated: bool = True
    validated_first: bool = False
    """Whether that happens even before permission is asked, so that who may not is told of a malformed request too."""
    anonymous: bool = False
    """Whether requests without a signature are taken too, as nobody's: what nobody may, policies of resources say."""
    on_resource: AskResource | None = None
    """Where resources have policies of their own, or owners that their ARNs do not tell."""
    condition_keys: frozenset[str] = frozenset()
    """Keys in lower case that its operations tell where a request has them, `kms:encryptioncontext:*` for a family.
    Policies that ask for others of its own are refused by name."""
    tells: Tells | None = None
    known_keys: frozenset[str] = field(init=False)
    """The keys that are told wherever there are any."""
    operations: dict[str, Operation] = field(default_factory=dict[str, Operation])
    endpoints: dict[str, Serve] = field(default_factory=dict[str, Serve])
    jobs: dict[str, JobKind] = field(default_factory=dict[str, JobKind])
    target: Deliver | Callable[..., Awaitable[Any]] | None = None
    target_retry: Retry = field(default_factory=Retry)
    """How deliveries to this service's ARNs are tried again."""
    finish: Finish | None = None
    note: Note | None = None
    settle: Callable[[Cloud], Awaitable[None]] | None = None
    """Awaited before each of its operations: what this process was told and has not written yet."""
    content_types: frozenset[str] = frozenset()
    """Of requests that it reads; others, and what is no POST, it does not understand. Empty: any."""
    gzip: bool = False
    """Whether requests may be gzip, and answers are to who takes them so."""
    failure: type[AwsError] = InternalFailure
    """What callers are told of an exception that nobody expected."""

    def __post_init__(self) -> None:
        self.known_keys = self.condition_keys
        if self.tells is not None:
            self.known_keys |= self.tells.keys

    def read(self, operation: str) -> Callable[[H], H]:
        return self._register(operation, Kind.READ)

    def write(self, operation: str) -> Callable[[H], H]:
        return self._register(operation, Kind.WRITE)

    def stream(self, operation: str) -> Callable[[H], H]:
        return self._register(operation, Kind.STREAM)

    def _register(self, name: str, kind: Kind) -> Callable[[H], H]:
        assert name in self.acts, f"{self.name}.{name} names no resource in service.py"
        assert name not in self.operations, f"{self.name}.{name} has two handlers"
        acts = self.acts[name]

        def register(handler: H) -> H:
            self.operations[name] = Operation(
                service=self,
                name=name,
                kind=kind,
                handler=handler,
                action=acts.action or f"{self.prefix or self.name}:{name}",
                resource=acts.resource,
                context=acts.context,
                told=acts.told,
                tags=acts.tags,
                also=acts.also,
                discloses=acts.discloses,
                free=acts.free,
                proves=acts.proves,
                accepted=self.accepted.get(name, {}),
                validated=self.validated,
                body_bytes_max=self.body_bytes_max,
            )
            return handler

        return register

    def endpoint(self, kind: str) -> Callable[[Serve], Serve]:
        """Answer the HTTP requests that the gateway's routing calls `kind` ("execute-api")."""

        def register(serve: Serve) -> Serve:
            assert kind not in self.endpoints, kind
            self.endpoints[kind] = serve
            return serve

        return register

    def job(
        self, what: str, *, retry: Retry | None = None, bury: Bury | None = None
    ) -> Callable[[H], H]:
        """Run jobs of the kind `<name>.<what>`: async def (cloud, job) -> Commit | None."""

        def register(handle: H) -> H:
            self.jobs[f"{self.name}.{what}"] = JobKind(handle, retry or Retry(), bury)
            return handle

        return register

    def resident(self, what: str, *, pending: Callable[..., Awaitable[bool]]) -> Callable[[H], H]:
        """Run residents of the kind `<name>.<what>`: async def (cloud, job, stay) -> Commit | None.

        `pending`: async def (cloud, job), whether one would find work to do now, from what is stored.
        """

        def register(reside: H) -> H:
            self.jobs[f"{self.name}.{what}"] = JobKind(reside, _ALWAYS, None, pending)
            return reside

        return register

    def on(self, fact: type[Fact], *, retry: Retry | None = None) -> Callable[[H], H]:
        """Consume a fact: async def (cloud, job, fact) -> Commit | None. app.py lists the consumers."""

        def register(handle: H) -> H:
            async def consume(cloud: Any, job: Any) -> Any:
                from pilvi.dispatch.facts import decode_fact

                return await handle(cloud, job, decode_fact(job.payload))

            self.jobs[f"{self.name}.on.{fact.__name__}"] = JobKind(consume, retry or Retry(), None)
            return handle

        return register

    def targets(self, deliver: H) -> H:
        """Take deliveries to this service's ARNs: async def (cloud, delivery) -> Commit | None."""
        assert self.target is None, self.name
        self.target = deliver
        return deliver


async def no_body() -> Body:  # pyright: ignore[reportReturnType]
    """The body of an operation that streams none."""
    return
    yield b""
