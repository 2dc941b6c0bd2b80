"""How functions may be named, and in what words other names are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

ARN = "arn:aws:lambda:us-east-1:{account}:function:my-function"

NAMES: dict[str, tuple[str, str | None]] = {
    "function_name_is_single_invalid": ("*", None),
    "invalid_characters_in_function_name": ("my-function!", None),
    "invalid_characters_in_qualifier": ("my-function", "invalid!"),
    "qualifier_too_long0": ("my-function", "a" * 129),
    "invalid_account_id_in_partial_arn": ("invalid-account:function:my-function", None),
    "invalid_region_in_arn": (ARN.replace("us-east-1", "invalid-region"), None),
    "non_lambda_arn": ("arn:aws:ec2:us-east-1:{account}:instance:i-1234567890abcdef0", None),
    "function_name_too_long": ("a" * 65, None),
    "function_name_too_long_and_invalid_region": (
        ARN.replace("us-east-1", "invalid-region") + "a" * 170,
        None,
    ),
    "full_arn_and_qualifier_too_long_and_invalid_region": (
        ARN.replace("us-east-1", "invalid-region") + "-" + "a" * 170,
        "a" * 129,
    ),
    "qualifier_too_long1": ("my-function", "a" * 65),
    "full_arn_with_multiple_qualifiers": (f"{ARN}:1:2", None),
    "incomplete_arn": ("arn:aws:lambda:us-east-1:{account}:function", None),
    "partial_arn_with_extra_qualifier": ("function:my-function:$LATEST:extra", None),
    "latest_version_with_additional_qualifier": (f"{ARN}:$LATEST", "1"),
    "lowercase_latest_qualifier": (ARN, "$latest"),
    "missing_region_in_arn": (ARN.replace("us-east-1", ""), None),
    "missing_account_id_in_arn": (ARN.replace("{account}", ""), None),
    "misspelled_latest_in_arn": (f"{ARN}:$LATES", None),
    "qualifier_too_long": ("my-function", "a" * 129),
    "function_name_and_qualifier_too_long": ("my-function", "a" * 65),
}
"""By what was recorded: the name, and the qualifier."""

_CASE = re.compile(r"\[(?P<name>[a-z0-9_]+)-(?P<operation>[a-z_]+)\]")
_MANY = re.compile(r"<a:len\(([0-9]+)\)>")
_COUNTED = re.compile(r"([0-9]+) validation errors? detected: (.*)", re.DOTALL)


def differences(lambda_: Any, account: str, recorded: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What of the refusals is not in the words that were recorded."""
    found: list[str] = []
    for scenario, answers in recorded.items():
        case = _CASE.search(scenario)
        assert case is not None, scenario
        name, qualifier = NAMES[case["name"]]
        request: dict[str, Any] = {"FunctionName": name.format(account=account)}
        if case["operation"] == "create_function":
            if qualifier is not None:
                request["FunctionName"] += f":{qualifier}"
            request |= {
                "Runtime": "python3.12",
                "Handler": "index.handler",
                "Role": f"arn:aws:iam::{account}:role/r",
                "Code": {"ZipFile": b"no zip"},
            }
        elif qualifier is not None:
            request["Qualifier"] = qualifier
        for answer in answers.values():
            try:
                getattr(lambda_, case["operation"])(**request)
                came: Any = "no refusal"
            except ClientError as error:
                came = _told(error.response["Error"], account)
            wanted = {key: _spelt(value) for key, value in answer.items()}
            if came != wanted:
                found.append(f"{case[0]}: {wanted} recorded, {came} came")
    return found


def _told(error: Mapping[str, str], account: str) -> dict[str, Any]:
    text = error["Message"].replace(account, "111111111111").replace("arn:aws:", "arn:<partition>:")
    text = text.replace("us-east-1", "<region>")
    counted = _COUNTED.fullmatch(text)
    if counted is None:
        return {"Code": error["Code"], "Message": text}
    errors = sorted(counted[2].split("; "))
    return {"Code": error["Code"], "Count": int(counted[1]), "Errors": errors}


def _spelt(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(_spelt(one) for one in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str):
        return _MANY.sub(lambda many: "a" * int(many[1]), value)
    return value
