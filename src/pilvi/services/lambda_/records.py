"""What Lambda stores: functions, their resource policies, and layers.

Invariants:
1. A code package's blob lives as long as one record names it; replacing or deleting the record releases it.
2. All that belongs to a function lies under `function_home`, all of a layer under `layer_home`; but
3. requests to a function's address name only its id, so `UrlPlace` says, in `EVERYWHERE`, whose it is. Every
   place has its configuration, every configuration its place.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any, NamedTuple

import msgspec

from pilvi.base.arn import GLOBAL_REGION, Scope
from pilvi.contracts.bodies import BodyOwner
from pilvi.contracts.jobs import Job
from pilvi.languages.cors import Cors
from pilvi.services.lambda_ import errors
from pilvi.services.lambda_.names import LATEST, FunctionName, LayerName, version_number
from pilvi.services.lambda_.settings import Settings
from pilvi.store.api import Snapshot, Transaction
from pilvi.store.blobs import BlobRef
from pilvi.store.collection import Collection
from pilvi.store.keys import Key, span

EVERYWHERE: Key = ("-", GLOBAL_REGION)


class Package(msgspec.Struct, frozen=True):
    """A zip file. `sha256`: of the file, in base64, as AWS gives it. `blob`: None only before it is stored.
    `unzipped_bytes`: 0 for one that was stored before they were counted."""

    blob: BlobRef | None
    sha256: str
    size_bytes: int
    unzipped_bytes: int = 0

    @property
    def digest(self) -> str:
        """The hash in hex: the name of the unpacked directory."""
        return base64.b64decode(self.sha256).hex()


class LayerUse(msgspec.Struct, frozen=True):
    """A layer version as a function holds it: it outlives the deletion of the layer version."""

    arn: str
    package: Package


class SealedVariables(msgspec.Struct, frozen=True):
    """Environment variables under a key of the caller's own, and the grant by which Lambda may decrypt them."""

    ciphertext: bytes
    key_arn: str
    grant_id: str


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a function: what runs. `environment`: None when none was ever given, or when it is `sealed`."""

    version: str = "$LATEST"
    description: str = ""
    runtime: str
    handler: str
    role: str
    timeout_s: int = 3
    memory_mb: int = 128
    tmp_mb: int = 512
    architecture: str = "x86_64"
    environment: dict[str, str] | None = None
    sealed: SealedVariables | None = None
    layers: tuple[LayerUse, ...] = ()
    package: Package
    log_group: str
    settings: Settings = Settings()
    modified_ms: int
    revision_id: str


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """`reserved_concurrency`: None for a share of the account's; 0 stops the function.

    `last_version` only grows: the number of a deleted version is never given again. `published_revision`:
    the revision that `latest` had when that version was made of it. `signing`: the id of its code signing
    configuration.
    """

    name: str
    created_ms: int
    latest: Configuration
    tags: dict[str, str] = {}
    reserved_concurrency: int | None = None
    provisioned: int = 0
    """Environments that its versions and aliases have made beforehand, in all."""
    recursive_loop: str = "Terminate"
    """Or "Allow"."""
    last_version: int = 0
    published_revision: str | None = None

    @property
    def taken(self) -> int:
        """What it takes of its account's concurrency for itself."""
        return self.provisioned if self.reserved_concurrency is None else self.reserved_concurrency

    signing: str | None = None


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """`weights`: of further versions, what part of the invocations each gets (0..1)."""

    name: str
    version: str
    description: str = ""
    weights: dict[str, float] = {}
    revision_id: str


class Policy(msgspec.Struct, frozen=True):
    """A resource policy. `qualifier`: "" for the function itself. `ids`: by statement, the unique id of the user or
    role that it names, as it was when the statement was added."""

    qualifier: str
    statements: tuple[dict[str, Any], ...]
    revision_id: str
    ids: dict[str, str] = {}


class LayerPolicy(msgspec.Struct, frozen=True):
    """The resource policy of a layer version. `ids`: as a function's."""

    version: int
    statements: tuple[dict[str, Any], ...]
    revision_id: str
    ids: dict[str, str] = {}


class EventConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How asynchronous invocations are tried; None: AWS's default (two retries, six hours). And the ARNs that are told
    how they ended."""

    qualifier: str
    retries_max: int | None = None
    age_s_max: int | None = None
    on_success: str | None = None
    on_failure: str | None = None
    modified_ms: int


class UrlConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A function's address. `qualifier`: "" or an alias. `invoke_mode`: as it was given; None: never."""

    qualifier: str
    url_id: str
    auth_type: str
    invoke_mode: str | None = None
    cors: Cors | None = None
    created_ms: int
    modified_ms: int


class UrlPlace(msgspec.Struct, frozen=True):
    """Whose address an id is: requests to it name nothing else."""

    url_id: str
    account: str
    region: str
    function: str
    qualifier: str


class LayerVersion(msgspec.Struct, frozen=True, kw_only=True):
    """`runtimes`, `architectures`: None where the request said nothing of them, which is told otherwise than none."""

    layer: str
    version: int
    description: str = ""
    license_info: str | None = None
    runtimes: tuple[str, ...] | None = None
    architectures: tuple[str, ...] | None = None
    package: Package
    created_ms: int


class Layer(msgspec.Struct, frozen=True):
    """`last_version` only grows: the number of a deleted version is never given again."""

    name: str
    last_version: int = 0


def _blobs_of(*packages: Package) -> list[BlobRef]:
    return [package.blob for package in packages if package.blob is not None]


def _blobs_of_configuration(configuration: Configuration) -> list[BlobRef]:
    return _blobs_of(configuration.package, *(layer.package for layer in configuration.layers))


def _owner(home: Key, kind: str, name: str, version: int | str = "") -> BodyOwner:
    account, region = str(home[0]), str(home[1])
    tail = f":{version}" if version else ""
    arn = f"arn:aws:lambda:{region}:{account}:{kind}:{name}{tail}"
    return BodyOwner("lambda", arn, {"arn": arn})


functions = Collection(
    "lambda.function",
    Function,
    key=lambda function: (function.name,),
    indexes={"signing": lambda function: (function.signing,) if function.signing else None},
    blobs=lambda function: _blobs_of_configuration(function.latest),
    owner=lambda at, home, function: _owner(home, "function", function.name),
    kept=True,
)
versions = Collection(
    "lambda.version",
    Configuration,
    key=lambda configuration: (int(configuration.version),),
    blobs=_blobs_of_configuration,
    owner=lambda at, home, found: _owner(home, "function", str(home[-1]), found.version),
    kept=True,
)
aliases = Collection("lambda.alias", Alias, key=lambda alias: (alias.name,), kept=True)
policies = Collection("lambda.policy", Policy, key=lambda policy: (policy.qualifier,), kept=True)
event_configs = Collection(
    "lambda.event-config", EventConfig, key=lambda config: (config.qualifier,)
)
url_configs = Collection("lambda.url-config", UrlConfig, key=lambda config: (config.qualifier,))
url_places = Collection("lambda.url-place", UrlPlace, key=lambda place: (place.url_id,))
layer_policies = Collection(
    "lambda.layer-policy", LayerPolicy, key=lambda policy: (policy.version,), kept=True
)
layers = Collection("lambda.layer", Layer, key=lambda layer: (layer.name,))
layer_versions = Collection(
    "lambda.layer-version",
    LayerVersion,
    key=lambda version: (version.version,),
    blobs=lambda version: _blobs_of(version.package),
    owner=lambda at, home, layer: _owner(home, "layer", str(home[-1]), layer.version),
)


def home(scope: Scope) -> Key:
    return (scope.account, scope.region)


def function_home(scope: Scope, name: str) -> Key:
    return (scope.account, scope.region, "lambda", "function", name)


def layer_home(scope: Scope, name: str) -> Key:
    return (scope.account, scope.region, "lambda", "layer", name)


def get_function(at: Snapshot, name: FunctionName) -> Function:
    """The function, whatever the qualifier. Raises: FunctionNotFound."""
    function = functions.find(at, home(name.scope), name.name)
    if function is None:
        raise errors.FunctionNotFound(arn=name.asked_arn)
    return function


class Runnable(NamedTuple):
    """A function and the version of it that a qualifier means."""

    function: Function
    configuration: Configuration


def resolve(at: Snapshot, name: FunctionName) -> Runnable:
    """The version that a name means: $LATEST without a qualifier, else a version's number or the version of an alias
    that is not one of those with a weight. Raises: FunctionNotFound.
    """
    function = get_function(at, name)
    alias = find_alias(at, name)
    qualifier = name.qualifier if alias is None else alias.version
    if qualifier in (None, LATEST):
        return Runnable(function, function.latest)
    within = function_home(name.scope, name.name)
    number = version_number(qualifier) if qualifier.isdecimal() else 0
    version = versions.find(at, within, number)
    if version is None:
        raise errors.FunctionNotFound(arn=name.asked_arn)
    return Runnable(function, version)


def find_alias(at: Snapshot, name: FunctionName) -> Alias | None:
    """None also for what names a version."""
    qualifier = name.qualifier
    if qualifier is None or qualifier == LATEST or qualifier.isdecimal():
        return None
    return aliases.find(at, function_home(name.scope, name.name), qualifier)


def put_function(tx: Transaction, scope: Scope, function: Function) -> None:
    functions.put(tx, home(scope), function)


def delete_function(tx: Transaction, scope: Scope, name: str) -> None:
    functions.delete(tx, home(scope), name)
    within = function_home(scope, name)
    for config in url_configs.scan(tx, within):
        url_places.delete(tx, EVERYWHERE, config.url_id)
    for policy in list(policies.scan(tx, within)):
        policies.delete(tx, within, policy.qualifier)  # one by one: those are kept in memory
    tx.delete_range(*span(within))


def find_policy(at: Snapshot, name: FunctionName) -> Policy | None:
    qualifier = "" if name.qualifier is None else name.qualifier
    return policies.find(at, function_home(name.scope, name.name), qualifier)


def find_event_config(at: Snapshot, name: FunctionName) -> EventConfig | None:
    within = function_home(name.scope, name.name)
    return event_configs.find(at, within, name.qualifier or LATEST)


def find_url_config(at: Snapshot, name: FunctionName) -> UrlConfig | None:
    return url_configs.find(at, function_home(name.scope, name.name), name.qualifier or "")


def find_url(at: Snapshot, url_id: str) -> tuple[FunctionName, UrlConfig] | None:
    """The function, or alias of it, that answers at an address."""
    place = url_places.find(at, EVERYWHERE, url_id)
    if place is None:
        return None
    scope = Scope(place.account, place.region)
    name = FunctionName(scope, place.function, place.qualifier or None)
    config = find_url_config(at, name)
    assert config is not None, "invariant 3"
    return name, config


def put_url_config(tx: Transaction, name: FunctionName, config: UrlConfig) -> None:
    scope = name.scope
    url_configs.put(tx, function_home(scope, name.name), config)
    place = UrlPlace(config.url_id, scope.account, scope.region, name.name, config.qualifier)
    url_places.put(tx, EVERYWHERE, place)


def delete_url_config(tx: Transaction, name: FunctionName, config: UrlConfig) -> None:
    url_configs.delete(tx, function_home(name.scope, name.name), config.qualifier)
    url_places.delete(tx, EVERYWHERE, config.url_id)


def find_layer_version(at: Snapshot, name: LayerName) -> LayerVersion | None:
    if name.version is None:
        return None
    return layer_versions.find(at, layer_home(name.scope, name.name), name.version)


def find_layer_policy(at: Snapshot, name: LayerName) -> LayerPolicy | None:
    if name.version is None:
        return None
    return layer_policies.find(at, layer_home(name.scope, name.name), name.version)


# --- asynchronous invocations


_LANES = 256


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """An asynchronous invocation that was acknowledged and has yet to succeed."""

    name: str
    qualifier: str | None = None
    payload: bytes
    request_id: str
    accepted_ms: int
    client_context: str | None = None
    trace_id: str | None = None


def _lane(scope: Scope, name: str) -> str:
    """Where a function's events wait, so that a slow function holds up its own; the lanes are bounded, so two
    functions of many may have one."""
    return str(zlib.crc32("/".join((scope.account, scope.region, name)).encode()) % _LANES)


def accept(tx: Transaction, scope: Scope, event: Accepted, *, unique_id: str) -> None:
    """Let the function run with this event; once per `unique_id`, however often it is accepted."""
    job = Job(
        kind="lambda.invoke",
        payload=msgspec.msgpack.encode(event),
        id=f"lambda.invoke/{unique_id}",
        account=scope.account,
        region=scope.region,
        lane=_lane(scope, event.name),
    )
    tx.at(event.accepted_ms, job)
