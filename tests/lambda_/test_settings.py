"""What a function is set to besides its code: kept whole, changed in part, told as AWS tells it."""

from __future__ import annotations

from typing import Any

from lambda_.support import Functions, package

ZIP = package("def handler(event, context):\n    return event\n")


def told(functions: Functions, *members: str, **which: Any) -> dict[str, Any]:
    found = functions.client.get_function_configuration(FunctionName="f", **which)
    return {member: found.get(member) for member in members}


# Recorded: a network that was taken off is told as an empty one, and one that was never there is not told.
def test_networks_are_kept_and_taken_off(functions: Functions) -> None:
    functions.create("f", ZIP)
    assert told(functions, "VpcConfig") == {"VpcConfig": None}
    network = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    configure = functions.client.update_function_configuration
    answer = configure(FunctionName="f", VpcConfig=network)
    whole = {**network, "VpcId": "", "Ipv6AllowedForDualStack": False}
    assert answer["VpcConfig"] == whole
    configure(FunctionName="f", Timeout=4)
    assert told(functions, "VpcConfig", "Timeout") == {"VpcConfig": whole, "Timeout": 4}
    configure(FunctionName="f", VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    empty = {**whole, "SubnetIds": [], "SecurityGroupIds": []}
    assert told(functions, "VpcConfig") == {"VpcConfig": empty}


# Recorded: JSON brings both levels, a part of the settings leaves the others, and plain text has no levels.
def test_log_settings_change_in_part(functions: Functions) -> None:
    functions.create("f", ZIP)
    plain = {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
    json = {**plain, "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "INFO"}
    for change, then in (
        ({"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}, json),
        ({"LogGroup": "cool"}, {**json, "LogGroup": "cool"}),
        ({"LogFormat": "Text"}, {**plain, "LogGroup": "cool"}),
    ):
        functions.client.update_function_configuration(FunctionName="f", LoggingConfig=change)
        assert told(functions, "LoggingConfig") == {"LoggingConfig": then}


# A version keeps the settings that it was published with, and only a version can have a snapshot.
def test_versions_keep_their_settings(functions: Functions) -> None:
    files = {
        "Arn": "arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-0123456789abcdef0",
        "LocalMountPath": "/mnt/files",
    }
    queue = f"arn:aws:sqs:us-east-1:{functions.account}:q"
    functions.create(
        "f",
        ZIP,
        Runtime="python3.12",
        SnapStart={"ApplyOn": "PublishedVersions"},
        TracingConfig={"Mode": "Active"},
        DeadLetterConfig={"TargetArn": queue},
        FileSystemConfigs=[files],
        Publish=True,
    )
    functions.client.update_function_configuration(
        FunctionName="f",
        SnapStart={"ApplyOn": "None"},
        TracingConfig={"Mode": "PassThrough"},
        DeadLetterConfig={"TargetArn": ""},
        FileSystemConfigs=[],
    )
    members = ("SnapStart", "TracingConfig", "DeadLetterConfig", "FileSystemConfigs")
    assert told(functions, *members, Qualifier="1") == {
        "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"},
        "TracingConfig": {"Mode": "Active"},
        "DeadLetterConfig": {"TargetArn": queue},
        "FileSystemConfigs": [files],
    }
    assert told(functions, *members) == {
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "TracingConfig": {"Mode": "PassThrough"},
        "DeadLetterConfig": None,
        "FileSystemConfigs": None,
    }
