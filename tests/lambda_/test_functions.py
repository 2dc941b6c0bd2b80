"""Functions without running them: their lives, and what AWS says to requests that make no sense."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package, role_of
from servers import Server

ZIP = package("def handler(event, context): return event")


def refused(code: str, words: str, call: Callable[..., Any], /, **request: Any) -> Any:
    with pytest.raises(ClientError) as error:
        call(**request)
    answer = error.value.response
    assert (answer["Error"]["Code"], answer["Error"]["Message"][: len(words)]) == (code, words)
    return answer


def test_a_function_is_pending_then_active_then_gone(functions: Functions, account: str) -> None:
    created = functions.create("f", ZIP, Environment={"Variables": {"NAME": "b"}}, Tags={"t": "1"})
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f"
    pending_revision = created["RevisionId"]
    expected = {
        "FunctionName": "f",
        "FunctionArn": arn,
        "Runtime": "python3.11",
        "Role": role_of(account),
        "Handler": "app.handler",
        "CodeSize": len(ZIP),
        "CodeSha256": base64.b64encode(hashlib.sha256(ZIP).digest()).decode(),
        "Description": "",
        "Timeout": 10,
        "MemorySize": 128,
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
        "Environment": {"Variables": {"NAME": "b"}},
        "RuntimeVersionConfig": created["RuntimeVersionConfig"],
    }
    changing = {"RevisionId", "LastModified", "ResponseMetadata"}
    assert {key: created[key] for key in created.keys() - changing} == {
        **expected,
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
    }
    functions.client.get_waiter("function_active_v2").wait(FunctionName="f")
    found = functions.client.get_function(FunctionName="f")
    configuration = found["Configuration"]
    assert {key: configuration[key] for key in configuration.keys() - changing} == {
        **expected,
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }
    assert found["Tags"] == {"t": "1"}
    assert configuration["RevisionId"] != pending_revision
    assert functions.client.get_function_configuration(FunctionName=arn)["FunctionName"] == "f"
    (listed,) = functions.client.list_functions()["Functions"]
    assert listed["FunctionName"] == "f"
    assert not listed.keys() & {"State", "LastUpdateStatus", "RuntimeVersionConfig"}
    refused(
        "ResourceConflictException",
        "Function already exist: f",
        functions.create,
        name="f",
        zipped=ZIP,
    )
    functions.client.delete_function(FunctionName="f")
    answer = refused(
        "ResourceNotFoundException",
        f"Function not found: {arn}",
        functions.client.delete_function,
        FunctionName="f",
    )
    assert answer["Type"] == "User"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (
            {"Runtime": "cobol85"},
            "InvalidParameterValueException",
            "Value cobol85 at 'runtime' failed to satisfy constraint: Member must satisfy enum value"
            " set: [nodejs20.x, python3.14, ",
        ),
        (
            # Recorded: this one is looked at after everything else.
            {"Runtime": "cobol85", "Role": "r1"},
            "ValidationException",
            "1 validation error detected: Value 'r1' at 'role'",
        ),
        (
            {"Runtime": "python3.7"},
            "InvalidParameterValueException",
            "The runtime parameter of python3.7 is no longer supported for creating or updating",
        ),
        ({"Runtime": "dotnet8"}, "NotImplemented", "pilvi does not implement functions of the"),
        (
            {"Handler": None},
            "InvalidParameterValueException",
            "Runtime and Handler are mandatory parameters",
        ),
        (
            {"Role": "r1"},
            "ValidationException",
            "1 validation error detected: Value 'r1' at 'role'",
        ),
        (
            {"Role": "arn:aws:iam::222222222222:role/r"},
            "AccessDeniedException",
            "Cross-account pass role is not allowed.",
        ),
        ({"Timeout": 901}, "ValidationException", "1 validation error detected: Value '901' at"),
        ({"MemorySize": 127}, "ValidationException", "1 validation error detected: Value '127' at"),
        (
            {"Architectures": ["x86_64", "arm64"]},
            "ValidationException",
            "1 validation error detected: Value '[x86_64, arm64]' at 'architectures' failed to",
        ),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x"}}},
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment",
        ),
        (
            {"Environment": {"Variables": {"LARGE": "x" * 4096}}},
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment"
            " variables you have provided exceeded the 4KB limit. String measured: "
            '{"LARGE":"xxx',
        ),
        (
            {"Layers": [f"arn:aws:lambda:us-east-1:ACCOUNT:layer:l{n}:1" for n in range(6)]},
            "InvalidParameterValueException",
            "Cannot reference more than 5 layers.",
        ),
        (
            {"Layers": ["arn:aws:lambda:us-east-1:ACCOUNT:layer:missing:1"]},
            "InvalidParameterValueException",
            "Layer version arn:aws:lambda:us-east-1:ACCOUNT:layer:missing:1 does not exist.",
        ),
        (
            {"Layers": ["arn:aws:lambda:us-east-1:111111111111:layer:l:1"]},
            "AccessDeniedException",
            "User: arn:aws:iam::ACCOUNT:root is not authorized to perform: lambda:GetLayerVersion on"
            " resource: arn:aws:lambda:us-east-1:111111111111:layer:l:1 because no resource-based",
        ),
        (
            {"VpcConfig": {"SubnetIds": ["subnet-1"]}},
            "InvalidParameterValueException",
            "SubnetIds and SecurityIds must coexist or be both empty list.",
        ),
        (
            {"LoggingConfig": {"LogFormat": "Text", "SystemLogLevel": "INFO"}},
            "InvalidParameterValueException",
            'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel',
        ),
        (
            {"DeadLetterConfig": {"TargetArn": "arn:aws:s3:::bucket"}},
            "InvalidParameterValueException",
            "The provided target ARN is invalid: arn:aws:s3:::bucket.",
        ),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}},
            "InvalidParameterValueException",
            "python3.11 is not supported for SnapStart enabled functions.",
        ),
        ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "NotImplemented", "pilvi"),
    ],
)
def test_requests_that_make_no_sense_create_nothing(
    functions: Functions, request_: dict[str, Any], code: str, words: str
) -> None:
    asked = {"Handler": "app.handler", "Runtime": "python3.11", **request_}
    asked.setdefault("Role", role_of(functions.account))
    asked = {key: value for key, value in asked.items() if value is not None}
    layers = [one.replace("ACCOUNT", functions.account) for one in asked.pop("Layers", [])]
    asked |= {"Layers": layers} if layers else {}
    refused(
        code,
        words.replace("ACCOUNT", functions.account),
        functions.client.create_function,
        FunctionName="f",
        Code={"ZipFile": ZIP},
        **asked,
    )
    assert functions.client.list_functions()["Functions"] == []


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (
            {"ZipFile": b"this is not a zipfile, just a random string"},
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        (
            {"S3Bucket": "some-bucket-that-does-not-exist", "S3Key": "k"},
            "InvalidParameterValueException",
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket."
            " S3 Error Message: The specified bucket does not exist",
        ),
        ({"ImageUri": "image"}, "NotImplemented", "pilvi does not implement functions from"),
        ({}, "InvalidParameterValueException", "Please provide a source for function code."),
    ],
)
def test_code_that_cannot_be_had_or_unpacked_is_refused_at_once(
    functions: Functions, code: dict[str, Any], error: str, words: str
) -> None:
    refused(
        error,
        words,
        functions.client.create_function,
        FunctionName="f",
        Code=code,
        Handler="app.handler",
        Runtime="python3.11",
        Role=role_of(functions.account),
    )


def test_updates_change_the_revision_and_check_it(functions: Functions) -> None:
    functions.create("f", ZIP)
    before = functions.client.get_function_configuration(FunctionName="f")
    other = package("def handler(event, context): return 2")
    wrong = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/"
    for call, request in (
        (functions.client.update_function_configuration, {"Description": "d"}),
        (functions.client.update_function_code, {"ZipFile": other}),
    ):
        refused(
            "PreconditionFailedException", wrong, call, FunctionName="f", RevisionId="x", **request
        )
    updated = functions.client.update_function_configuration(
        FunctionName="f",
        RevisionId=before["RevisionId"],
        Description="d",
        Timeout=7,
        MemorySize=256,
        Environment={"Variables": {"NEW": "1"}},
    )
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
    functions.client.get_waiter("function_updated_v2").wait(FunctionName="f")
    dry = functions.client.update_function_code(FunctionName="f", ZipFile=other, DryRun=True)
    after = functions.client.get_function_configuration(FunctionName="f")
    assert dry["CodeSha256"] != after["CodeSha256"] == before["CodeSha256"]
    assert (after["Description"], after["Timeout"], after["MemorySize"]) == ("d", 7, 256)
    assert after["Handler"] == "app.handler"
    functions.client.update_function_code(FunctionName="f", ZipFile=other)
    last = functions.client.get_function_configuration(FunctionName="f")
    assert last["CodeSha256"] == dry["CodeSha256"]
    assert last["Description"] == "d"
    assert len({one["RevisionId"] for one in (before, after, last)}) == 3


def test_functions_are_listed_in_pages(functions: Functions) -> None:
    for number in range(3):
        functions.create(f"f{number}", ZIP)
    pages = list(functions.client.get_paginator("list_functions").paginate(MaxItems=2))
    assert [len(page["Functions"]) for page in pages] == [2, 1]
    names = [one["FunctionName"] for page in pages for one in page["Functions"]]
    assert names == ["f0", "f1", "f2"]


def test_qualifiers(functions: Functions, account: str) -> None:
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f"
    functions.create("f", ZIP)
    got = functions.client.get_function_configuration(FunctionName="f", Qualifier="$LATEST")
    assert got["FunctionArn"] == f"{arn}:$LATEST"
    refused(
        "ResourceNotFoundException",
        f"Function not found: {arn}:1221",
        functions.client.get_function,
        FunctionName="f",
        Qualifier="1221",
    )
    refused(
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
        functions.client.delete_function,
        FunctionName="f",
        Qualifier="$LATEST",
    )
    refused(
        "ValidationException",
        "1 validation error detected: Value 'my-function!' at 'functionName' failed to satisfy",
        functions.client.get_function,
        FunctionName="my-function!",
    )


def test_tags(functions: Functions) -> None:
    arn = functions.create("f", ZIP)["FunctionArn"]
    functions.client.tag_resource(Resource=arn, Tags={"A": "a", "B": "b"})
    functions.client.tag_resource(Resource=arn, Tags={"B": "b2", "C": "c"})
    functions.client.untag_resource(Resource=arn, TagKeys=["A", "missing"])
    assert functions.client.list_tags(Resource=arn)["Tags"] == {"B": "b2", "C": "c"}
    refused(
        "InvalidParameterValueException",
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        functions.client.tag_resource,
        Resource=f"{arn}:alias",
        Tags={"A": "a"},
    )
    refused(
        "InvalidParameterValueException",
        "Number of tags exceeds resource tag limit.",
        functions.client.tag_resource,
        Resource=arn,
        Tags={f"t{number}": "x" for number in range(50)},
    )


def test_reserved_concurrency(functions: Functions, account: str) -> None:
    functions.create("f", ZIP)
    client = functions.client
    refused(
        "ResourceNotFoundException",
        f"Function not found: arn:aws:lambda:us-east-1:{account}:function:missing:$LATEST",
        client.put_function_concurrency,
        FunctionName="missing",
        ReservedConcurrentExecutions=1,
    )
    refused(
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's",
        client.put_function_concurrency,
        FunctionName="f",
        ReservedConcurrentExecutions=901,
    )
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=900)
    settings = client.get_account_settings()
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
    assert settings["AccountUsage"] == {"TotalCodeSize": len(ZIP), "FunctionCount": 1}
    got = client.get_function_concurrency(FunctionName="f")
    assert got["ReservedConcurrentExecutions"] == 900
    client.delete_function_concurrency(FunctionName="f")
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="f")


def test_permissions(functions: Functions, account: str) -> None:
    client = functions.client
    functions.create("f", ZIP)
    refused(
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
        client.get_policy,
        FunctionName="f",
    )
    asked = {
        "FunctionName": "f",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::bucket",
    }
    statement = client.add_permission(StatementId="s3", **asked)["Statement"]
    arn = f"arn:aws:lambda:us-east-1:{account}:function:f"
    assert statement == (
        '{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},'
        f'"Action":"lambda:InvokeFunction","Resource":"{arn}",'
        '"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}'
    )
    refused(
        "ResourceConflictException",
        "The statement id (s3) provided already exists. Please provide a new statement id,",
        client.add_permission,
        StatementId="s3",
        **asked,
    )
    refused(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API",
        client.add_permission,
        StatementId="other",
        RevisionId="wrong",
        **asked,
    )
    got = client.get_policy(FunctionName="f")
    assert got["Policy"] == f'{{"Version":"2012-10-17","Id":"default","Statement":[{statement}]}}'
    client.add_permission(StatementId="other", RevisionId=got["RevisionId"], **asked)
    refused(
        "ResourceNotFoundException",
        "Statement non-existent is not found in resource policy.",
        client.remove_permission,
        FunctionName="f",
        StatementId="non-existent",
    )
    client.remove_permission(FunctionName="f", StatementId="s3")
    client.remove_permission(FunctionName="f", StatementId="other")
    refused(
        "ResourceNotFoundException",
        "No policy is associated with the given resource.",
        client.remove_permission,
        FunctionName="f",
        StatementId="other",
    )
    refused(
        "InvalidParameterValueException",
        "We currently do not support adding policies for $LATEST.",
        client.add_permission,
        StatementId="s3",
        Qualifier="$LATEST",
        **asked,
    )


def test_a_new_function_of_an_old_name_inherits_nothing(functions: Functions) -> None:
    functions.create("f", ZIP, Tags={"t": "1"})
    functions.client.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="*"
    )
    functions.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    functions.client.delete_function(FunctionName="f")
    functions.create("f", ZIP)
    found = functions.client.get_function(FunctionName="f")
    assert "Tags" not in found
    assert "Concurrency" not in found
    with pytest.raises(ClientError):
        functions.client.get_policy(FunctionName="f")


def test_code_from_s3_is_for_those_who_may_read_it(
    functions: Functions, client: Callable[..., Any], account: str
) -> None:
    bucket = f"code-{account}"
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key="code.zip", Body=ZIP)

    def request(owner: str, key: str) -> dict[str, Any]:
        return {
            "FunctionName": "f",
            "Code": {"S3Bucket": bucket, "S3Key": key},
            "Handler": "app.handler",
            "Runtime": "python3.11",
            "Role": role_of(owner),
        }

    refused(
        "InvalidParameterValueException",
        "Error occurred while GetObject. S3 Error Code: NoSuchKey."
        " S3 Error Message: The specified key does not exist.",
        functions.client.create_function,
        **request(account, "missing.zip"),
    )
    stranger = f"9{account[1:]}"
    refused(
        "AccessDeniedException",
        "Your access has been denied by S3",
        client("lambda", account=stranger).create_function,
        **request(stranger, "code.zip"),
    )
    created = functions.client.create_function(**request(account, "code.zip"))
    assert created["CodeSize"] == len(ZIP)
    assert functions.invoke("f", {"x": 1}) == {"x": 1}
    client("s3").delete_object(Bucket=bucket, Key="code.zip")
    functions.client.update_function_configuration(FunctionName="f", MemorySize=256)
    assert functions.invoke("f", {"x": 2}) == {"x": 2}, "the function has a copy of its own"


# Refused by what it announces, before any of it is read.
def test_a_request_that_is_too_large_is_refused(server: Server, account: str) -> None:
    scope = f"{account}/20260101/us-east-1/lambda/aws4_request"
    sender = HTTPConnection(urlsplit(server.url).netloc)
    sender.putrequest("POST", "/2015-03-31/functions")
    sender.putheader(
        "Authorization",
        f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
    )
    sender.putheader("Content-Length", "70167212")
    sender.endheaders()
    answer = sender.getresponse()
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (
        413,
        "RequestEntityTooLargeException",
    )
    words = "Request must be smaller than 70167211 bytes for the CreateFunction operation"
    assert words in answer.read().decode()
    sender.close()


# AWS is silent about it: the function fails with no more than its runtime's words.
def test_a_folder_that_was_zipped_is_named_in_the_log(
    functions: Functions, client: Callable[..., Any]
) -> None:
    functions.create("f", package(**{"src/app__py": "def handler(event, context): pass\n"}))
    assert functions.client.invoke(FunctionName="f")["FunctionError"] == "Unhandled"
    logs = client("logs")
    (stream,) = logs.describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    told = logs.get_log_events(logGroupName="/aws/lambda/f", logStreamName=stream["logStreamName"])
    lines = [one["message"] for one in told["events"]]
    assert any("in the folder src of the package. Zip what is in that" in one for one in lines), (
        lines
    )
