"""What those are told who ask for more than a table has."""

from __future__ import annotations

from typing import ClassVar, Final

from pilvi.base.errors import AwsError

TABLE_EXCEEDED: Final = (
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
    "provisioning level with the UpdateTable API."
)
INDEX_EXCEEDED: Final = (
    "The level of configured provisioned throughput for one or more global secondary indexes of the table was "
    "exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with "
    "the UpdateTable API"
)
MAXIMUM_EXCEEDED: Final = (
    "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
)
HOT_KEY: Final = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or "
    "index so please try again shortly. If exceptions persist, check if you have a hot key: "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
)


class ProvisionedThroughputExceededException(AwsError):
    code = "ProvisionedThroughputExceededException"
    message = "{detail}"


class ThrottlingException(AwsError):
    code = "ThrottlingException"
    message = "{detail}"


class RequestLimitExceeded(AwsError):
    code = "RequestLimitExceeded"
    message = "{detail}"
    text_of: ClassVar[str] = (
        "Throughput exceeds the current throughput limit for your account. Please contact AWS Support at "
        "https://aws.amazon.com/support request a limit increase"
    )
