"""No operation of any service passes the decision by: full requests of those who may do nothing, in this process.

`test_every_operation.py` asks the same over the wire, with requests that hold as little as can be sent. An operation
that is added is asked for here without anybody's doing; to be free of the decision it has to be written into FREE.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import pilvi.services
from pilvi import app
from pilvi.app import App
from pilvi.base.errors import AwsError
from pilvi.identity.principal import ANONYMOUS, Principal
from pilvi.kit import execution
from pilvi.kit.service import Operation, Service, no_body
from pilvi.kit.settings import Settings
from pilvi.store.datadir import DataDir
from services.requests_of import ACCOUNT, SCOPE, request_of

FREE = {
    (
        "sts",
        "GetCallerIdentity",
    ): "AWS lets everybody know who they are, an explicit Deny notwithstanding",
    ("sts", "GetSessionToken"): "it gives nobody more than they have; AWS asks no policy",
}
PROVING = {
    ("sts", "AssumeRoleWithWebIdentity"): "its token says who asks, and the role's trust decides",
    ("sts", "AssumeRoleWithSAML"): "its assertion says who asks, and the role's trust decides",
}
_OBSERVED = re.compile(rb"iam\.(seen|observed|keyuse|refusal|forget)")
DENIED = ("AccessDenied", "AccessDeniedException")

USER = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/nobody", "AIDANOBODY", "AKIANOBODY")
SESSION = Principal(
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/nothing/s",
    "AROANOTHING:s",
    "ASIANOTHING",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/nothing",
    session_name="s",
)
OTHER = Principal("9" * 12, f"arn:aws:iam::{'9' * 12}:user/nobody", "AIDAOTHER", "AKIAOTHER")


def load(name: str) -> Service:
    module, _, attribute = app.SERVICES[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


SERVICES = {name: load(name) for name in sorted(app.SERVICES)}
OPERATIONS = [
    (name, operation) for name, service in SERVICES.items() for operation in service.operations
]


def test_every_service_is_known_to_the_application() -> None:
    """Else its operations would be nowhere here."""
    found: set[int] = set()
    for package in pkgutil.iter_modules(pilvi.services.__path__, "pilvi.services."):
        for module in (package.name, f"{package.name}.service"):
            names = vars(importlib.import_module(module))
            found |= {id(one) for one in names.values() if isinstance(one, Service)}
    assert found == {id(one) for one in SERVICES.values()}


def test_what_is_free_is_written_down() -> None:
    all_of_them = {(s, o): SERVICES[s].operations[o] for s, o in OPERATIONS}
    assert {at for at, one in all_of_them.items() if one.free} == set(FREE)
    assert {at for at, one in all_of_them.items() if one.proves is not None} <= set(PROVING)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """asking(operation, principal): what a full request comes to, and what it left in the store."""
    directory = tmp_path_factory.mktemp("cloud") / "data"
    logging.getLogger("pilvi").setLevel(logging.CRITICAL)
    with asyncio.Runner() as runner:
        settings = Settings(data=directory, ephemeral=True)
        data = DataDir.open(directory)
        started = runner.run(App.start(settings, data, admin_token="x", number=0))
        store = started.cloud.store

        async def stored() -> dict[bytes, bytes]:
            """All but what is observed of requests, refused ones, too."""
            everything = await store.read(lambda at: dict(at.scan(b"", b"\xff" * 8)))
            return {key: value for key, value in everything.items() if not _OBSERVED.search(key)}

        before = dict[bytes, bytes]()

        async def ask(operation: Operation, principal: Principal) -> AwsError:
            call = started.cloud.call(
                operation, scope=SCOPE, principal=principal, request_id="request"
            )
            request = request_of(operation.service.name, operation.name)
            with pytest.raises(AwsError) as caught:
                await execution.perform(call, operation, request, no_body())
            assert await stored() == before
            return caught.value

        with contextlib.suppress(
            AssertionError
        ):  # the first denial makes the key that seals their messages
            runner.run(ask(SERVICES["s3"].operations["ListBuckets"], USER))
        before = runner.run(stored())
        yield lambda *given: runner.run(ask(*given))
        runner.run(started.stop())
    logging.getLogger("pilvi").setLevel(logging.NOTSET)


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_who_may_do_nothing_reaches_no_handler(
    asking: Callable[..., Any], service: str, name: str
) -> None:
    operation = SERVICES[service].operations[name]
    if operation.proves is not None:
        return
    reached: list[str] = []
    watched = replace(operation, handler=lambda *given: reached.append(name))
    for who in (USER, SESSION, OTHER, ANONYMOUS):
        if operation.free and who.authenticated:
            continue
        error = asking(watched, who)
        assert not reached
        assert error.code in DENIED, error
