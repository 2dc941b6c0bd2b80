"""Environment variables under a key of KMS: encrypted, told to those who may decrypt, and to the function."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package
from servers import CloudClock, Server

ZIP = package(
    "import os\ndef handler(event, context):\n    return os.environ.get('SECRET', 'nothing')\n"
)
SECRET = {"Variables": {"SECRET": "hush"}}


def grants(kms: Any, key: str) -> int:
    return len(kms.list_grants(KeyId=key)["Grants"])


# The function needs no permission of its own: Lambda has a grant, which goes with the last version that needs it.
def test_the_function_and_its_owner_see_them(
    functions: Functions, client: Callable[..., Any], clock: CloudClock
) -> None:
    kms, lambda_ = client("kms"), functions.client
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    created = functions.create("f", ZIP, Environment=SECRET, KMSKeyArn=first, Publish=True)
    assert (created["Environment"], created["KMSKeyArn"]) == (SECRET, first)
    assert functions.invoke("f") == "hush"
    other = {"Variables": {"SECRET": "louder"}}
    lambda_.update_function_configuration(FunctionName="f", Environment=other)
    assert grants(kms, first) == 1
    changed = lambda_.update_function_configuration(FunctionName="f", KMSKeyArn=second)
    assert (changed["Environment"], changed["KMSKeyArn"]) == (other, second)
    clock.wait_until_idle()
    assert (grants(kms, first), grants(kms, second)) == (1, 1), "version 1 needs the first one"
    assert [functions.invoke(name) for name in ("f", "f:1")] == ["louder", "hush"]
    listed = lambda_.list_versions_by_function(FunctionName="f")["Versions"]
    assert [one["Environment"] for one in listed] == [other, SECRET]
    listed = lambda_.list_functions(FunctionVersion="ALL", MasterRegion="ALL")["Functions"]
    assert [one["Environment"] for one in listed] == [other, SECRET]
    lambda_.delete_function(FunctionName="f", Qualifier="1")
    back = lambda_.update_function_configuration(FunctionName="f", KMSKeyArn="")
    assert (back["Environment"], "KMSKeyArn" in back) == (other, False)
    clock.wait_until_idle()
    assert (grants(kms, first), grants(kms, second)) == (0, 0)
    assert functions.invoke("f") == "louder"


# Nothing else of the function is hidden from whoever may not decrypt; and the function cannot begin without the key.
def test_who_may_not_decrypt_is_told_so(
    functions: Functions, client: Callable[..., Any], server: Server
) -> None:
    kms, iam = client("kms"), client("iam")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    functions.create("f", ZIP, Environment=SECRET, KMSKeyArn=key)
    iam.create_user(UserName="ann")
    policy = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document)
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = server.client(
        "lambda",
        functions.account,
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
    )
    found = ann.get_function_configuration(FunctionName="f")
    assert found["Environment"]["Error"]["ErrorCode"] == "AccessDeniedException"
    assert ("Variables" in found["Environment"], found["Timeout"]) == (False, 10)
    with pytest.raises(ClientError) as refused:
        ann.update_function_configuration(FunctionName="f", Environment=SECRET)
    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException"
    assert "KMS Exception: AccessDeniedException" in error["Message"]
    ann.close()
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError) as refused:
        functions.invoke("f")
    assert refused.value.response["Error"]["Code"] == "KMSDisabledException"
    kms.enable_key(KeyId=key)
    assert functions.invoke("f") == "hush"
