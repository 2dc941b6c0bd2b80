"""The one file that knows everything: which services there are, who answers which question, and how the parts
of a running cloud are put together and taken apart.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from pilvi import __version__
from pilvi.base.clock import Clock
from pilvi.base.entropy import Entropy
from pilvi.contracts.advice import Administrators, Advice
from pilvi.contracts.credentials import Credentials, Sessions
from pilvi.contracts.decisions import AuthorizationMessages
from pilvi.contracts.factors import SecondFactors
from pilvi.contracts.functions import Functions
from pilvi.contracts.identities import ProviderKeys
from pilvi.contracts.keys import Keys
from pilvi.contracts.logs import LogSink
from pilvi.contracts.objects import Objects
from pilvi.contracts.observations import Observations
from pilvi.contracts.platform import Platform
from pilvi.contracts.principals import Principals
from pilvi.contracts.queues import Queues
from pilvi.contracts.roles import Roles
from pilvi.contracts.storage import Storage
from pilvi.contracts.streams import ChangeStreams
from pilvi.dispatch import trace
from pilvi.dispatch.dispatcher import Dispatcher
from pilvi.dispatch.registry import ServiceDispatch
from pilvi.dispatch.scrubbing import Scrubbing
from pilvi.gateway.access_log import AccessLog
from pilvi.gateway.http1 import Connections
from pilvi.gateway.own import Actions
from pilvi.gateway.pipeline import Gateway
from pilvi.identity.authenticator import Authenticator
from pilvi.identity.guardrails import GuardrailsOf
from pilvi.identity.permissions import PermissionsOf
from pilvi.kit.cloud import Cloud
from pilvi.kit.settings import DAY_MS, DEFAULT_ACCOUNT, DEFAULT_REGION, Settings
from pilvi.store.blob_rows import BlobCorrupt
from pilvi.store.blobs import GRACE_S, Blobs
from pilvi.store.datadir import DataDir, open_store
from pilvi.store.memory import MemoryStore
from pilvi.store.sealing import RootKeySource, Sealer

log = logging.getLogger("pilvi.app")

SERVICES: Mapping[str, str] = {
    "apigateway": "pilvi.services.apigateway:apigateway",
    "apigatewayv2": "pilvi.services.apigateway:apigatewayv2",
    "dynamodb": "pilvi.services.dynamodb:dynamodb",
    "dynamodbstreams": "pilvi.services.dynamodb:dynamodbstreams",
    "iam": "pilvi.services.iam:iam",
    "kms": "pilvi.services.kms:kms",
    "lambda": "pilvi.services.lambda_:lambda_",
    "logs": "pilvi.services.logs:logs",
    "organizations": "pilvi.services.organizations:organizations",
    "s3": "pilvi.services.s3:s3",
    "s3control": "pilvi.services.s3:s3control",
    "sqs": "pilvi.services.sqs:sqs",
    "sts": "pilvi.services.iam:sts",
}
"""botocore's name -> where its Service is. Loaded when first called."""

QUESTIONS: Mapping[type[Any], str] = {
    Credentials: "pilvi.services.iam.questions:IamCredentials",
    AuthorizationMessages: "pilvi.services.iam.messages:IamMessages",
    Administrators: "pilvi.services.iam.administrators:IamAdministrators",
    Advice: "pilvi.services.iam.advice:IamAdvice",
    Sessions: "pilvi.services.iam.questions:IamSessions",
    Functions: "pilvi.services.lambda_.questions:LambdaFunctions",
    Keys: "pilvi.services.kms.questions:KmsKeys",
    LogSink: "pilvi.services.logs.questions:LogsSink",
    PermissionsOf: "pilvi.services.iam.permissions:IamPermissions",
    Observations: "pilvi.services.iam.observed:IamObservations",
    Principals: "pilvi.services.iam.questions:IamPrincipals",
    ProviderKeys: "pilvi.services.iam.providers.keys:OpenIdKeys",
    Queues: "pilvi.services.sqs.questions:SqsQueues",
    Storage: "pilvi.services.s3.nightly.answering:S3Storage",
    ChangeStreams: "pilvi.services.dynamodb.streams.questions:DynamoChangeStreams",
    Objects: "pilvi.services.s3.questions:S3Objects",
    GuardrailsOf: "pilvi.services.organizations.guardrails:OrganizationsGuardrails",
    Roles: "pilvi.services.iam.account_roles:IamRoles",
    SecondFactors: "pilvi.services.iam.questions:IamSecondFactors",
}
"""Each Protocol of contracts/ -> the class that answers it; it takes the cloud."""

CONSUMERS: Mapping[str, tuple[str, ...]] = {}
"""Name of a fact -> the services that are told of it."""


SHARED_GRACE_S = 60.0
"""How long the file of a deleted body stays where several workers may be reading it."""
SANDBOX_CONNECTIONS_MAX = 128
"""Of one sandbox: its function must not use up the server's descriptors."""


def load_services() -> None:
    """Import every service, so that the store knows all collections: for check and backup."""
    for place in SERVICES.values():
        importlib.import_module(place.partition(":")[0])


class App:
    """One worker's cloud and its gateway."""

    def __init__(
        self,
        settings: Settings,
        cloud: Cloud,
        dispatcher: Dispatcher,
        gateway: Gateway,
        first_key: tuple[str, str] | None,
    ) -> None:
        self.settings = settings
        self.cloud = cloud
        self.dispatcher = dispatcher
        self.gateway = gateway
        self.first_key = first_key

    @classmethod
    async def start(
        cls, settings: Settings, directory: DataDir, *, admin_token: str, number: int
    ) -> App:
        """Open the data directory and begin to run what is due. `number`: of this worker, from 0."""
        clock = Clock(directory.clock)
        entropy = Entropy()
        if settings.ephemeral and settings.workers == 1:
            store = MemoryStore()
        else:
            store = open_store(directory, settings.durability, entropy)
        # A worker does not know what another one streams.
        grace_s = GRACE_S if settings.workers == 1 else SHARED_GRACE_S
        blobs = Blobs(directory.blobs, store, entropy=entropy, grace_s=grace_s)
        cloud = Cloud(
            settings,
            store=store,
            blobs=blobs,
            clock=clock,
            entropy=entropy,
            services=SERVICES,
            questions=QUESTIONS,
        )
        if settings.aws_policies is not None:
            from pilvi.services.iam import aws_policies

            aws_policies.add_directory(settings.aws_policies)
        if settings.enforce_throughput:
            from pilvi.services.dynamodb import metering

            cloud.bind(metering.Meter, metering.Meter(settings.data, settings.workers))
            metering.switch_on()
        sealer = Sealer(_root_key_source(settings, directory), entropy)
        await store.read(sealer.verify)
        cloud.bind(Sealer, sealer)
        scrubbing = Scrubbing(
            store,
            blobs,
            clock,
            know=load_services,
            every_ms=round(settings.scrub_every_days * 24 * 3600 * 1000),
            rate_bytes=settings.scrub_rate_bytes,
        )

        def registrations(name: str) -> ServiceDispatch:
            return scrubbing.registrations() if name == "store" else cloud.registrations(name)

        dispatcher = Dispatcher(
            store,
            clock,
            entropy,
            resolve=registrations,
            consumers=CONSUMERS,
            run_dir=directory.run,
        )

        def authenticator(mode: Literal["open", "strict"]) -> Authenticator:
            return Authenticator(
                cloud.ask(Credentials),
                clock,
                mode=mode,
                default_account=DEFAULT_ACCOUNT,
                default_region=DEFAULT_REGION,
            )

        access_log = AccessLog(lines=settings.log_requests)

        async def reset() -> None:
            await dispatcher.stop()
            try:
                for platform in cloud.answered():
                    retire = getattr(platform, "retire_all", None)
                    if retire is not None:
                        await retire()
                await store.write(lambda tx: tx.delete_range(b"", b"\xff" * 8))
                await blobs.sweep()
                clock.reset()
                await scrubbing.plan()
            finally:
                await dispatcher.start()
            store.wake("clock")

        async def story(request_id: str) -> list[dict[str, Any]]:
            entries = await store.read(lambda at: trace.story(at, request_id))
            return [msgspec.to_builtins(entry) for entry in entries]

        async def idle(timeout_s: float) -> bool:
            try:
                async with asyncio.timeout(timeout_s):
                    await dispatcher.idle()
                    for answer in cloud.answered():
                        flush = getattr(answer, "flush", None)
                        if flush is not None:
                            await flush()
            except TimeoutError:
                return False
            return True

        async def status() -> dict[str, Any]:
            return {
                "version": __version__,
                "url": settings.external_url,
                "data": str(settings.data),
                "pid": os.getpid(),
                "workers": settings.workers,
                "auth": settings.auth,
                "durability": settings.durability,
                "backend": settings.backend,
                "services": sorted(SERVICES),
                "jobs": msgspec.to_builtins(await dispatcher.statistics()),
            }

        async def gauges() -> dict[str, float]:
            jobs: dict[str, float] = msgspec.to_builtins(await dispatcher.statistics())
            told = {f"jobs_{name}": value for name, value in jobs.items()}
            told["damage_met"] = float(BlobCorrupt.met)
            return told | await scrubbing.gauges()

        async def scrub(rate_bytes: int | None, begin: bool) -> dict[str, Any]:
            if begin:
                await scrubbing.begin(rate_bytes)
            return await scrubbing.report()

        actions = Actions(
            reset=reset,
            clock_moved=lambda: store.wake("clock"),
            story=story,
            idle=idle,
            status=status,
            gauges=gauges,
            scrub=scrub,
            admin_token=admin_token,
        )
        gateway = Gateway(cloud, authenticator(settings.auth), access_log, actions)
        inside = Gateway(cloud, authenticator("strict"), access_log, actions, inside=True)
        cloud.bind(Platform, SandboxPlatform(inside, settings))
        if number == 0:
            await blobs.sweep()
            await scrubbing.plan()
        await dispatcher.start()
        if number == 0 and settings.lifecycle_day_ms != DAY_MS:
            await cloud.ask(Storage).reschedule()
        first_key = None
        if settings.auth == "strict" and number == 0:
            first_key = await cloud.ask(Administrators).first_key(DEFAULT_ACCOUNT)
        return cls(settings, cloud, dispatcher, gateway, first_key)

    async def stop(self) -> None:
        """Finish or give back what runs, end the sandboxes, close the store."""
        await self.dispatcher.stop()
        for answer in self.cloud.answered():
            close = getattr(answer, "close", None)
            if close is not None:
                await close()
        self.gateway.access_log.flush()
        await self.cloud.blobs.close()
        await self.cloud.store.close()


def _root_key_source(settings: Settings, directory: DataDir) -> RootKeySource:
    """Beside the data directory; with `ephemeral` in memory, or where its workers all find it."""
    if not settings.ephemeral:
        file = settings.data.with_name(f"{settings.data.name}.key")
    else:
        file = None if settings.workers == 1 else directory.run / "root.key"
    return RootKeySource.of_environment(file, os.environ)


class SandboxPlatform:
    """Answers contracts.platform.Platform: serves the gateway inside a sandbox's network.

    There, only credentials that this cloud issued are known, whatever the mode: a function is no person at
    this machine, and its role must not become root by signing with a key that nobody issued. The listener
    speaks plain HTTP.
    """

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self._gateway = gateway
        self.port = settings.port
        self.url = _url_inside(settings)

    async def serve(self, listener: Any) -> asyncio.AbstractServer:
        loop = asyncio.get_running_loop()
        connections = Connections(self._gateway, most=SANDBOX_CONNECTIONS_MAX)
        return await loop.create_server(connections, sock=listener)


def _url_inside(settings: Settings) -> str:
    """The name that clients use, at our own port; an address would lead nowhere in a sandbox's network."""
    name = urlsplit(settings.external_url).hostname or "localhost"
    is_address = ":" in name or name.replace(".", "").isdigit()
    return f"http://{'localhost' if is_address else name}:{settings.port}"
