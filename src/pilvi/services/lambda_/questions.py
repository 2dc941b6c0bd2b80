"""Invoking a function on behalf of other services: the answer to `contracts.functions.Functions`."""

from __future__ import annotations

from pilvi.base.arn import Arn
from pilvi.base.errors import AwsError
from pilvi.contracts.delivery import Source
from pilvi.contracts.functions import FunctionNotInvocable, Functions, InvokeOutcome
from pilvi.kit.cloud import Cloud
from pilvi.services.lambda_ import access, limits, names
from pilvi.services.lambda_.names import FunctionName
from pilvi.services.lambda_.records import Runnable
from pilvi.services.lambda_.resolving import runnable_of
from pilvi.services.lambda_.runner import Runner


class LambdaFunctions:
    """One per process. Also owns the process's execution environments (`runner`)."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.runner = Runner(cloud)

    async def invoke(
        self, arn: str, payload: bytes, *, source: Source, request_id: str
    ) -> InvokeOutcome:
        """Run the function and wait, if its resource policy lets the source do so.

        Raises: FunctionNotInvocable.
        """
        if len(payload) > limits.SYNC_PAYLOAD_BYTES_MAX:
            raise FunctionNotInvocable("RequestTooLargeException", "the event is larger than 6 MB")
        try:
            name, runnable = await self._permitted(arn, source)
            outcome = await self.runner.run(
                name.scope, runnable, payload, request_id=request_id, invoked_arn=name.asked_arn
            )
        except AwsError as error:
            raise FunctionNotInvocable(error.code, error.text) from error
        return InvokeOutcome(
            payload=outcome.payload,
            error=outcome.error,
            executed_version=runnable.configuration.version,
            request_id=request_id,
            log_tail=outcome.log_tail,
        )

    async def check_invocable(self, arn: str, *, source: Source) -> None:
        """Raises: FunctionNotInvocable."""
        try:
            await self._permitted(arn, source)
        except AwsError as error:
            raise FunctionNotInvocable(error.code, error.text) from error

    async def _permitted(self, arn: str, source: Source) -> tuple[FunctionName, Runnable]:
        """What an ARN names, for a source that its policy lets invoke it.

        Raises: FunctionNotInvocable, AwsError.
        """
        try:
            scope = Arn.parse(arn).scope
        except ValueError as error:
            raise FunctionNotInvocable("ResourceNotFoundException", str(error)) from None
        name = names.parse_function(scope, arn)
        runnable = await runnable_of(self._cloud, name)
        if not await access.lets_in(self._cloud, name, source):
            raise FunctionNotInvocable(
                "AccessDeniedException",
                f"the policy of {arn} does not permit {source.service} for {source.arn}",
            )
        return name, runnable

    async def retire_all(self) -> None:
        """Kill all environments: the cloud's state is being reset."""
        await self.runner.retire_all()

    async def close(self) -> None:
        """Kill all environments and what makes them."""
        await self.runner.close()


def runner_of(cloud: Cloud) -> Runner:
    """This process's execution environments, made when first asked for."""
    functions = cloud.ask(Functions)
    assert isinstance(functions, LambdaFunctions), type(functions)
    return functions.runner
