"""Asking S3 and CloudWatch Logs in the name of whoever asked for an import or export.

Each request passes the permission step, as one from outside would; policies see that it came by way of DynamoDB.
AWS: DynamoDB Developer Guide, "Requesting a table import in DynamoDB", "Setting up IAM permissions".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.causes import Cause
from pilvi.identity.principal import Principal
from pilvi.kit import execution
from pilvi.kit.cloud import Cloud
from pilvi.kit.service import no_body
from pilvi.services.dynamodb.transfers.errors import Failed

_SERVER_ERROR = 500
_NOT_BUILT = 501


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, for one step of a transfer."""

    cloud: Cloud
    scope: Scope
    principal: Principal
    cause: Cause

    async def ask(
        self,
        service: str,
        operation: str,
        params: dict[str, Any],
        body: AsyncIterator[bytes] | None = None,
    ) -> dict[str, Any]:
        """Raises: AwsError."""
        found = self.cloud.operation(service, operation)
        call = self.cloud.call(
            found,
            scope=self.scope,
            principal=self.principal,
            request_id=self.cause.request_id,
            parent=self.cause.parent,
        )
        call.via = "dynamodb"
        return await execution.perform(call, found, params, body or no_body())

    async def s3(
        self, operation: str, params: dict[str, Any], body: AsyncIterator[bytes] | None = None
    ) -> dict[str, Any]:
        """Raises: Failed; AwsError for what may pass."""
        try:
            return await self.ask("s3", operation, params, body)
        except AwsError as error:
            if may_pass(error):
                raise
            request = self.cause.request_id
            raise Failed(
                f"S3{error.code}",
                f"{error.text} (Service: Amazon S3; Status Code: {error.status}; "
                f"Error Code: {error.code}; Request ID: {request}; Proxy: null)",
            ) from error

    async def logs(self, operation: str, params: dict[str, Any]) -> None:
        """Raises: Failed; AwsError for what may pass."""
        try:
            await self.ask("logs", operation, params)
        except AwsError as error:
            if error.code == "ResourceAlreadyExistsException":
                return
            if may_pass(error):
                raise
            raise Failed(f"CloudWatchLogs{error.code}", error.text) from error


def may_pass(error: AwsError) -> bool:
    """Whether trying again may help."""
    return error.status >= _SERVER_ERROR and error.status != _NOT_BUILT
