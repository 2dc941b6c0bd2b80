"""Who may do what with functions: across accounts, by every spelling of a name, with what a request brings along."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_.support import Functions, package, role_of

Make = Callable[..., Any]

TELLS = package(
    "import os, json\n"
    "def handler(event, context):\n"
    "    return [context.invoked_function_arn, os.environ['AWS_REGION'], os.environ['AWS_ACCESS_KEY_ID']]\n"
)


class Person:
    """A user with keys of their own; `may` replaces their one policy."""

    def __init__(self, server: Any, account: str, name: str = "ann") -> None:
        self._iam = server.client("iam", account)
        self._server, self._account, self.name = server, account, name
        self.arn = self._iam.create_user(UserName=name)["User"]["Arn"]
        key = self._iam.create_access_key(UserName=name)["AccessKey"]
        self.keys = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        self.lambda_ = server.client("lambda", account, **self.keys)

    def may(self, *statements: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        self._iam.put_user_policy(
            UserName=self.name, PolicyName="own", PolicyDocument=json.dumps(document)
        )


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


def denied(call: Callable[..., Any], **arguments: Any) -> str:
    code, text = refusal(call, **arguments)
    assert code == "AccessDeniedException", (code, text)
    return text


@pytest.fixture
def owned(functions: Functions) -> Functions:
    functions.create("f", TELLS, Publish=True)
    functions.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    return functions


@pytest.fixture
def arn(account: str) -> str:
    return f"arn:aws:lambda:us-east-1:{account}:function:f"


@pytest.fixture
def ann(server: Any, account: str) -> Person:
    """Of the owner's account."""
    return Person(server, account)


@pytest.fixture
def stranger(server: Any, account: str) -> Person:
    """Of another account, where she may do everything."""
    found = Person(server, f"9{account[1:]}", "eve")
    found.may(allow("*"))
    return found


def told(answer: Any) -> Any:
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read())


# --- across accounts


def test_another_accounts_function_is_invoked_where_it_lives_when_both_sides_allow(
    owned: Functions, stranger: Person, arn: str, account: str
) -> None:
    partial = f"{account}:function:f"
    text = denied(stranger.lambda_.invoke, FunctionName=arn)
    assert text == (
        f"User: {stranger.arn} is not authorized to perform: lambda:InvokeFunction on resource: {arn}"
        " because no resource-based policy allows the lambda:InvokeFunction action"
    )
    owned.client.add_permission(
        FunctionName="f",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal=stranger.arn,
    )
    for name in (arn, partial):
        named, region, key = told(stranger.lambda_.invoke(FunctionName=name))
        assert (named, region) == (arn, "us-east-1")
        assert key.startswith("ASIA")
    assert stranger.lambda_.invoke(FunctionName=arn, InvocationType="Event")["StatusCode"] == 202
    code, _ = refusal(stranger.lambda_.invoke, FunctionName="f")
    assert code == "ResourceNotFoundException", "a bare name is one of her own account"
    denied(stranger.lambda_.get_function, FunctionName=arn)
    for qualifier in ("1", "live"):
        denied(stranger.lambda_.invoke, FunctionName=arn, Qualifier=qualifier)
        denied(stranger.lambda_.invoke, FunctionName=f"{arn}:{qualifier}")
    assert told(stranger.lambda_.invoke(FunctionName=f"{arn}:$LATEST"))[0] == f"{arn}:$LATEST"
    stranger.may(allow("lambda:GetFunction"))
    assert "no identity-based policy" in denied(stranger.lambda_.invoke, FunctionName=arn)
    stranger.may(allow("*"), deny("lambda:InvokeFunction", arn))
    assert "explicit deny" in denied(stranger.lambda_.invoke, FunctionName=arn)
    stranger.may(allow("*"))
    owned.client.remove_permission(FunctionName="f", StatementId="s")
    denied(stranger.lambda_.invoke, FunctionName=arn)


def test_an_event_of_another_account_runs_in_the_owners(
    owned: Functions, stranger: Person, arn: str, clock: Any, client: Make, server: Any
) -> None:
    owned.client.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="*"
    )
    stranger.lambda_.invoke(FunctionName=arn, InvocationType="Event")
    clock.wait_until_idle()
    group = client("logs").describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    assert len(group) == 1
    hers = server.client("logs", stranger.arn.split(":")[4]).describe_log_groups()
    assert hers["logGroups"] == []


def test_each_qualifier_has_a_policy_of_its_own(
    owned: Functions, stranger: Person, arn: str
) -> None:
    account = stranger.arn.split(":")[4]
    for qualifier in ("1", "live"):
        owned.client.add_permission(
            FunctionName="f",
            Qualifier=qualifier,
            StatementId="s",
            Action="lambda:InvokeFunction",
            Principal=account,
        )
        assert told(stranger.lambda_.invoke(FunctionName=f"{arn}:{qualifier}"))
        denied(stranger.lambda_.invoke, FunctionName=arn)
        for spelling in ("01", "001"):
            denied(stranger.lambda_.invoke, FunctionName=f"{arn}:{spelling}")
        owned.client.remove_permission(FunctionName="f", Qualifier=qualifier, StatementId="s")
        denied(stranger.lambda_.invoke, FunctionName=f"{arn}:{qualifier}")


def test_what_is_opened_is_read_and_changed_in_the_owners_account(
    owned: Functions, stranger: Person, arn: str
) -> None:
    for action in ("GetFunction", "UpdateFunctionCode", "PublishVersion", "ListVersionsByFunction"):
        owned.client.add_permission(
            FunctionName="f",
            StatementId=action,
            Action=f"lambda:{action}",
            Principal=stranger.arn,
        )
    got = stranger.lambda_.get_function(FunctionName=arn)["Configuration"]
    assert got["FunctionArn"] == arn
    changed = package("def handler(event, context): return 2")
    stranger.lambda_.update_function_code(FunctionName=arn, ZipFile=changed)
    assert owned.invoke("f") == 2
    assert stranger.lambda_.publish_version(FunctionName=arn)["FunctionArn"] == f"{arn}:2"
    assert len(stranger.lambda_.list_versions_by_function(FunctionName=arn)["Versions"]) == 3
    assert stranger.lambda_.list_functions()["Functions"] == [], "nothing is hers"


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        (
            "add_permission",
            {"StatementId": "x", "Action": "lambda:InvokeFunction", "Principal": "*"},
        ),
        ("remove_permission", {"StatementId": "all"}),
        ("update_function_configuration", {"Timeout": 3}),
        ("create_function_url_config", {"AuthType": "NONE"}),
        ("get_function_url_config", {}),
        ("list_function_url_configs", {}),
        ("get_function_code_signing_config", {}),
    ],
)
def test_the_policy_itself_and_the_like_cannot_be_given_away(
    owned: Functions, stranger: Person, arn: str, operation: str, request_: dict[str, Any]
) -> None:
    owned.client.add_permission(
        FunctionName="f", StatementId="all", Action="lambda:*", Principal=stranger.arn
    )
    assert told(stranger.lambda_.invoke(FunctionName=arn))
    denied(getattr(stranger.lambda_, operation), FunctionName=arn, **request_)
    assert owned.client.get_policy(FunctionName="f")["Policy"].count("Sid") == 1


def test_a_function_of_another_region_is_not_reachable(
    owned: Functions, stranger: Person, ann: Person, account: str
) -> None:
    ann.may(allow("*"))
    for person in (stranger, ann):
        code, text = refusal(
            person.lambda_.invoke, FunctionName=f"arn:aws:lambda:eu-west-1:{account}:function:f"
        )
        assert code == "ResourceNotFoundException"
        assert text == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"


def test_nobody_of_another_account_learns_what_exists(stranger: Person, account: str) -> None:
    """Differs in nothing from the answer about a function that is there."""
    missing = f"arn:aws:lambda:us-east-1:{account}:function:missing"
    assert "no resource-based policy" in denied(stranger.lambda_.invoke, FunctionName=missing)
    for operation in ("get_function", "delete_function", "get_policy", "list_aliases"):
        denied(getattr(stranger.lambda_, operation), FunctionName=missing)
    denied(
        stranger.lambda_.create_function,
        FunctionName=missing,
        Runtime="python3.11",
        Handler="app.handler",
        Role=role_of(account),
        Code={"ZipFile": TELLS},
    )


# --- within an account


def test_the_functions_policy_alone_lets_one_of_the_account_in(
    owned: Functions, ann: Person, arn: str
) -> None:
    denied(ann.lambda_.invoke, FunctionName="f")
    owned.client.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal=ann.arn
    )
    assert told(ann.lambda_.invoke(FunctionName="f"))[0] == arn
    owned.client.delete_function(FunctionName="f")
    owned.create("f", TELLS)
    denied(ann.lambda_.invoke, FunctionName="f")


@pytest.mark.parametrize(
    "name",
    [
        *("f", "function:f", "{account}:function:f", "{account}:f", "us-east-1:{account}:f"),
        *("arn:aws:lambda:us-east-1:{account}:function:f",),
        *("arn:aws-cn:lambda:us-east-1:{account}:function:f",),
    ],
)
def test_no_spelling_gets_round_a_deny(
    owned: Functions, ann: Person, account: str, arn: str, name: str
) -> None:
    ann.may(allow("*"), deny("lambda:*", arn))
    spelt = name.format(account=account)
    denied(ann.lambda_.invoke, FunctionName=spelt)
    denied(ann.lambda_.get_function_configuration, FunctionName=spelt)
    for operation in (ann.lambda_.list_versions_by_function, ann.lambda_.list_aliases):
        denied(operation, FunctionName=spelt)
        denied(operation, FunctionName=f"{spelt}:1")
    if name.startswith("arn:"):
        denied(ann.lambda_.tag_resource, Resource=spelt, Tags={"a": "b"})
        denied(ann.lambda_.list_tags, Resource=spelt)


def test_no_spelling_of_a_version_gets_round_a_deny(
    owned: Functions, ann: Person, arn: str
) -> None:
    ann.may(allow("*"), deny("lambda:*", f"{arn}:1"))
    assert told(ann.lambda_.invoke(FunctionName="f"))
    for name, more in (("f:1", {}), ("f", {"Qualifier": "1"}), (f"{arn}:1", {"Qualifier": "1"})):
        denied(ann.lambda_.invoke, FunctionName=name, **more)
    for spelling in ("01", "0001"):
        code, _ = refusal(ann.lambda_.invoke, FunctionName="f", Qualifier=spelling)
        assert code == "ResourceNotFoundException"


# --- what a request brings along


def test_a_role_is_passed_by_whoever_may_pass_it(
    owned: Functions, ann: Person, client: Make, account: str
) -> None:
    """Creating and configuring alike: else functions would be a way to any role."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    roles: dict[str, str] = {}
    for name, service in (("good", "lambda.amazonaws.com"), ("other", "ec2.amazonaws.com")):
        document = {
            "Version": "2012-10-17",
            "Statement": {**trust, "Principal": {"Service": service}},
        }
        made = client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(document)
        )
        roles[name] = made["Role"]["Arn"]
    new = {
        "FunctionName": "g",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Code": {"ZipFile": TELLS},
    }
    create, update = ann.lambda_.create_function, ann.lambda_.update_function_configuration
    ann.may(allow("lambda:*"))
    for text in (
        denied(create, Role=roles["good"], **new),
        denied(update, FunctionName="f", Role=roles["good"]),
    ):
        assert f"iam:PassRole on resource: {roles['good']}" in text
    update(FunctionName="f", Timeout=4)
    to_others = {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
    ann.may(allow("lambda:*"), allow("iam:PassRole", **to_others))
    denied(update, FunctionName="f", Role=roles["good"])
    to_lambda = {"Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}
    ann.may(allow("lambda:*"), allow("iam:PassRole", **to_lambda))
    refused = (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )
    assert refusal(create, Role=roles["other"], **new) == refused
    assert refusal(update, FunctionName="f", Role=roles["other"]) == refused
    assert owned.client.get_function_configuration(FunctionName="f")["Role"] == role_of(account)
    update(FunctionName="f", Role=roles["good"])
    create(Role=roles["good"], **new)
    for spelling in ("arn:aws-cn:iam:", "arn::iam:"):
        role = roles["good"].replace("arn:aws:iam:", spelling)
        ann.may(allow("*"), deny("iam:PassRole", roles["good"]))
        code, _ = refusal(update, FunctionName="f", Role=role)
        assert code in ("AccessDeniedException", "InvalidParameterValueException")
    foreign = refusal(update, FunctionName="f", Role=roles["good"].replace(account, "9" * 12))
    assert foreign == ("AccessDeniedException", "Cross-account pass role is not allowed.")


def test_a_layer_is_used_by_whoever_may_read_it(owned: Functions, ann: Person) -> None:
    layer = owned.client.publish_layer_version(LayerName="l", Content={"ZipFile": TELLS})
    arn = layer["LayerVersionArn"]
    update = ann.lambda_.update_function_configuration
    ann.may(allow("lambda:UpdateFunctionConfiguration"))
    assert "lambda:GetLayerVersion on resource" in denied(update, FunctionName="f", Layers=[arn])
    ann.may(allow(["lambda:UpdateFunctionConfiguration", "lambda:GetLayerVersion"]))
    update(FunctionName="f", Layers=[arn])
    others = {
        "Condition": {"ForAllValues:ArnLike": {"lambda:Layer": "arn:aws:lambda:*:*:layer:m:*"}}
    }
    ann.may(allow("lambda:*", **others), allow("lambda:GetLayerVersion"))
    denied(update, FunctionName="f", Layers=[arn])
    ann.may(allow("*"), deny("lambda:GetLayerVersion", arn))
    for spelling in (arn, arn.replace("arn:aws:", "arn:aws-cn:")):
        denied(ann.lambda_.get_layer_version_by_arn, Arn=spelling)
        denied(update, FunctionName="f", Layers=[spelling])


def test_tags_at_birth_need_the_permission_to_tag(
    owned: Functions, ann: Person, account: str
) -> None:
    new = {
        "FunctionName": "g",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": role_of(account),
        "Code": {"ZipFile": TELLS},
        "Tags": {"a": "b"},
    }
    ann.may(allow(["lambda:CreateFunction", "iam:PassRole"]))
    assert "lambda:TagResource" in denied(ann.lambda_.create_function, **new)
    ann.may(allow(["lambda:CreateFunction", "iam:PassRole", "lambda:TagResource"]))
    ann.lambda_.create_function(**new)


def test_code_from_s3_is_read_as_the_caller(
    owned: Functions, ann: Person, client: Make, account: str
) -> None:
    client("s3").create_bucket(Bucket=f"code-{account}")
    client("s3").put_object(Bucket=f"code-{account}", Key="k", Body=TELLS)
    asked = {"FunctionName": "f", "S3Bucket": f"code-{account}", "S3Key": "k"}
    ann.may(allow("lambda:*"))
    assert "permission to GetObject" in denied(ann.lambda_.update_function_code, **asked)
    ann.may(allow("lambda:*"), allow("s3:GetObject"))
    ann.lambda_.update_function_code(**asked)


# --- condition keys


def test_tags_of_functions_and_of_requests(
    owned: Functions, ann: Person, stranger: Person, arn: str, account: str
) -> None:
    owned.client.tag_resource(Resource=arn, Tags={"team": "red"})
    red = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}}
    blue = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}}
    ann.may(allow("lambda:*", **blue))
    denied(ann.lambda_.invoke, FunctionName="f")
    ann.may(allow("lambda:*", **red))
    assert told(ann.lambda_.invoke(FunctionName="f"))
    assert told(ann.lambda_.invoke(FunctionName="f:live"))
    ann.may(allow("*"), deny("lambda:*", **red))
    denied(ann.lambda_.update_function_code, FunctionName="f", ZipFile=TELLS)
    only_team = {"Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}}
    to_blue = {"Condition": {"StringEquals": {"aws:RequestTag/team": "blue"}}}
    ann.may(allow("lambda:TagResource", **to_blue), allow("lambda:UntagResource", **only_team))
    denied(ann.lambda_.tag_resource, Resource=arn, Tags={"team": "red"})
    ann.lambda_.tag_resource(Resource=arn, Tags={"team": "blue"})
    denied(ann.lambda_.untag_resource, Resource=arn, TagKeys=["team", "other"])
    ann.lambda_.untag_resource(Resource=arn, TagKeys=["team"])
    new = {
        "FunctionName": "g",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": role_of(account),
        "Code": {"ZipFile": TELLS},
    }
    ann.may(
        allow(["lambda:CreateFunction", "lambda:TagResource"], **to_blue), allow("iam:PassRole")
    )
    denied(ann.lambda_.create_function, **new)
    denied(ann.lambda_.create_function, Tags={"team": "red"}, **new)
    ann.lambda_.create_function(Tags={"team": "blue"}, **new)


def test_a_strangers_own_policies_do_not_find_out_tags(
    owned: Functions, stranger: Person, arn: str
) -> None:
    owned.client.tag_resource(Resource=arn, Tags={"team": "red"})
    red = {"Condition": {"StringEquals": {"aws:ResourceTag/team": "red"}}}
    before = denied(stranger.lambda_.invoke, FunctionName=arn)
    stranger.may(allow("*"), deny("*", **red))
    assert denied(stranger.lambda_.invoke, FunctionName=arn) == before
    owned.client.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="*"
    )
    assert "explicit deny" in denied(stranger.lambda_.invoke, FunctionName=arn)


def test_the_keys_of_statements(owned: Functions, ann: Person, arn: str) -> None:
    only_s3 = {"Condition": {"StringEquals": {"lambda:Principal": "s3.amazonaws.com"}}}
    ann.may(allow(["lambda:AddPermission", "lambda:RemovePermission"], arn, **only_s3))
    asked = {"FunctionName": "f", "Action": "lambda:InvokeFunction"}
    denied(ann.lambda_.add_permission, StatementId="x", Principal="*", **asked)
    ann.lambda_.add_permission(StatementId="s3", Principal="s3.amazonaws.com", **asked)
    owned.client.add_permission(StatementId="all", Principal="*", **asked)
    denied(ann.lambda_.remove_permission, FunctionName="f", StatementId="all")
    denied(ann.lambda_.remove_permission, FunctionName="f", StatementId="missing")
    ann.lambda_.remove_permission(FunctionName="f", StatementId="s3")


def test_the_keys_of_addresses(owned: Functions, ann: Person, arn: str) -> None:
    with_iam = {
        "Condition": {
            "StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"},
            "ArnEquals": {"lambda:FunctionArn": arn},
        }
    }
    ann.may(allow("lambda:*", **with_iam))
    create, update = ann.lambda_.create_function_url_config, ann.lambda_.update_function_url_config
    denied(create, FunctionName="f", AuthType="NONE")
    denied(create, FunctionName="f", Qualifier="live", AuthType="AWS_IAM")
    create(FunctionName="f", AuthType="AWS_IAM")
    denied(update, FunctionName="f", AuthType="NONE")
    update(FunctionName="f", Cors={"AllowMethods": ["GET"]})
    ann.lambda_.get_function_url_config(FunctionName="f")
    owned.client.update_function_url_config(FunctionName="f", AuthType="NONE")
    denied(update, FunctionName="f", Cors={"AllowMethods": ["PUT"]})
    denied(ann.lambda_.get_function_url_config, FunctionName="f")
    denied(ann.lambda_.list_function_url_configs, FunctionName="f")
    denied(ann.lambda_.delete_function_url_config, FunctionName="f")


def test_invoking_by_the_api_is_not_invoking_by_the_address(owned: Functions, ann: Person) -> None:
    by_url = {"Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}}
    ann.may(allow("lambda:*", **by_url))
    denied(ann.lambda_.invoke, FunctionName="f")
    owned.client.add_permission(
        FunctionName="f",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal=ann.arn,
        InvokedViaFunctionUrl=True,
    )
    denied(ann.lambda_.invoke, FunctionName="f")


def test_tags_are_shown_with_the_function_to_those_who_may_list_them(
    owned: Functions, ann: Person, stranger: Person, arn: str
) -> None:
    owned.client.tag_resource(Resource=arn, Tags={"team": "red"})
    assert owned.client.get_function(FunctionName="f")["Tags"] == {"team": "red"}
    ann.may(allow("lambda:GetFunction"))
    assert "Tags" not in ann.lambda_.get_function(FunctionName="f")
    ann.may(allow(["lambda:GetFunction", "lambda:ListTags"]))
    assert ann.lambda_.get_function(FunctionName="f")["Tags"] == {"team": "red"}
    owned.client.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:GetFunction", Principal=stranger.arn
    )
    assert "Tags" not in stranger.lambda_.get_function(FunctionName=arn)


def test_what_a_configuration_holds_is_shown_to_those_who_may_read_it(
    functions: Functions, ann: Person
) -> None:
    secret = "not-for-everybody"
    functions.create("f", TELLS, Environment={"Variables": {"KEY": secret}})
    ann.may(allow(["lambda:ListTags", "lambda:GetPolicy", "lambda:GetFunctionConcurrency"]))
    text = denied(ann.lambda_.get_function, FunctionName="f")
    text += denied(ann.lambda_.get_function_configuration, FunctionName="f")
    text += denied(ann.lambda_.list_functions)
    text += denied(ann.lambda_.list_versions_by_function, FunctionName="f")
    assert secret not in text


# --- what functions do with their credentials


def test_a_functions_credentials_tell_which_function_it_is(
    functions: Functions, client: Make, account: str
) -> None:
    """The condition key holds in requests to other services: only `reader` may read, though both have the role."""
    iam, s3 = client("iam"), client("s3")
    s3.create_bucket(Bucket=f"b-{account}")
    s3.put_object(Bucket=f"b-{account}", Key="k", Body=b"content")
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:aws:lambda:us-east-1:{account}:function:r*"},
                "StringEquals": {"aws:SourceAccount": account},
            },
        },
    }
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    arn = f"arn:aws:lambda:us-east-1:{account}:function:reader"
    policy = {
        "Version": "2012-10-17",
        "Statement": allow(
            "s3:GetObject", Condition={"ArnEquals": {"lambda:SourceFunctionArn": arn}}
        ),
    }
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(policy))
    reads = package(
        "import boto3\n"
        "from botocore.exceptions import ClientError\n"
        "def handler(event, context):\n"
        f"    try: return boto3.client('s3').get_object(Bucket='b-{account}', Key='k')"
        "['Body'].read().decode()\n"
        "    except ClientError as error: return error.response['Error']['Code']\n"
    )
    for name, answer in (("reader", "content"), ("rival", "AccessDenied")):
        functions.create(name, reads, Role=role)
        assert functions.invoke(name) == answer
    code, text = refusal(
        functions.client.create_function,
        FunctionName="other",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": reads},
    )
    assert code == "InvalidParameterValueException", "the role is for functions of certain names"
    assert "cannot be assumed by Lambda" in text
