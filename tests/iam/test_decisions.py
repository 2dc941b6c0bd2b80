"""Policies decide, over the wire: what is allowed works, what is not is refused in AWS's words, and at once."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from persons import Make, Person, allow, deny, document, refusal, trust
from servers import Server


def pilvi(*words: Any) -> str:
    """The command, about the data of the server that comes last."""
    command = [sys.executable, "-m", "pilvi", *words[:-1], "--data", str(words[-1].data)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_nothing_is_allowed_until_a_policy_allows_it(
    client: Make, account: str, ann: Person, table: str
) -> None:
    item = {"TableName": table, "Item": {"k": {"S": "1"}}}
    arn = f"arn:aws:dynamodb:us-east-1:{account}:table/{table}"
    code, text = refusal(ann.client("dynamodb").put_item, **item)
    assert code == "AccessDeniedException"
    assert text == (
        f"User: {ann.arn} is not authorized to perform: dynamodb:PutItem on resource: {arn} "
        "because no identity-based policy allows the dynamodb:PutItem action"
    )
    assert client("dynamodb").scan(TableName=table)["Count"] == 0
    ann.may(allow("dynamodb:PutItem", arn))
    ann.client("dynamodb").put_item(**item)
    assert refusal(ann.client("dynamodb").scan, TableName=table)[0] == "AccessDeniedException"
    ann.may(allow("dynamodb:*"), deny("dynamodb:PutItem", arn))
    code, text = refusal(ann.client("dynamodb").put_item, **item)
    assert text.endswith("with an explicit deny in an identity-based policy")
    assert ann.client("dynamodb").scan(TableName=table)["Count"] == 1


def test_groups_and_managed_policies_count_and_changes_hold_at_once(
    client: Make, ann: Person, table: str
) -> None:
    iam, mine = client("iam"), ann.client("dynamodb")
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    assert refusal(mine.scan, TableName=table)[0] == "AccessDeniedException"
    iam.put_group_policy(
        GroupName="readers", PolicyName="p", PolicyDocument=document(allow("dynamodb:Scan"))
    )
    mine.scan(TableName=table)
    iam.remove_user_from_group(GroupName="readers", UserName="ann")
    assert refusal(mine.scan, TableName=table)[0] == "AccessDeniedException"
    policy = iam.create_policy(
        PolicyName="scan", PolicyDocument=document(allow("dynamodb:DescribeTable"))
    )["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=policy)
    assert refusal(mine.scan, TableName=table)[0] == "AccessDeniedException"
    iam.create_policy_version(
        PolicyArn=policy, PolicyDocument=document(allow("dynamodb:Scan")), SetAsDefault=True
    )
    mine.scan(TableName=table)
    iam.detach_user_policy(UserName="ann", PolicyArn=policy)
    assert refusal(mine.scan, TableName=table)[0] == "AccessDeniedException"
    iam.attach_user_policy(
        UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess"
    )
    mine.scan(TableName=table)
    assert refusal(mine.delete_table, TableName=table)[0] == "AccessDeniedException"


def test_each_member_of_a_transaction_needs_its_permission(
    client: Make, account: str, ann: Person, table: str
) -> None:
    ann.may(allow("dynamodb:PutItem"))
    put = {"Put": {"TableName": table, "Item": {"k": {"S": "1"}}}}
    delete = {"Delete": {"TableName": table, "Key": {"k": {"S": "2"}}}}
    mine = ann.client("dynamodb")
    assert (
        "dynamodb:DeleteItem" in refusal(mine.transact_write_items, TransactItems=[put, delete])[1]
    )
    assert client("dynamodb").scan(TableName=table)["Count"] == 0
    mine.transact_write_items(TransactItems=[put])
    get = {"Get": {"TableName": table, "Key": {"k": {"S": "1"}}}}
    assert "dynamodb:GetItem" in refusal(mine.transact_get_items, TransactItems=[get])[1]


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"StringEquals": {"aws:username": "ann"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-north-1"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"StringLike": {"aws:PrincipalTag/team": "re*"}}, True),
        ({"StringLike": {"aws:PrincipalTag/team": "blue"}}, False),
    ],
)
def test_conditions_are_asked_of_the_real_request(
    client: Make, ann: Person, condition: dict[str, Any], *, allowed: bool
) -> None:
    client("iam").tag_user(UserName="ann", Tags=[{"Key": "team", "Value": "red"}])
    ann.may(allow("dynamodb:ListTables", Condition=condition))
    if allowed:
        ann.client("dynamodb").list_tables()
    else:
        assert refusal(ann.client("dynamodb").list_tables)[0] == "AccessDeniedException"


def test_buckets_by_prefix_and_what_is_not_told(client: Make, account: str, ann: Person) -> None:
    s3, mine = client("s3"), ann.client("s3")
    bucket = f"prefixes-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="home/ann/note", Body=b"x")
    ann.may(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/home/${{aws:username}}/*"),
        allow(
            "s3:ListBucket",
            f"arn:aws:s3:::{bucket}",
            Condition={"StringLike": {"s3:prefix": "home/ann/*"}},
        ),
    )
    assert mine.get_object(Bucket=bucket, Key="home/ann/note")["Body"].read() == b"x"
    assert refusal(mine.get_object, Bucket=bucket, Key="home/bob/note")[0] == "AccessDenied"
    assert mine.list_objects_v2(Bucket=bucket, Prefix="home/ann/")["KeyCount"] == 1
    assert refusal(mine.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
    assert refusal(mine.put_object, Bucket=bucket, Key="home/ann/n", Body=b"")[0] == "AccessDenied"
    # Who may not list the bucket is not told that a key does not exist.
    assert refusal(mine.get_object, Bucket=bucket, Key="home/ann/none")[0] == "AccessDenied"
    ann.may(allow(["s3:GetObject", "s3:ListBucket"]))
    assert refusal(mine.get_object, Bucket=bucket, Key="home/ann/none")[0] == "NoSuchKey"


def test_copies_need_both_ends_and_tags_their_own_permission(
    client: Make, account: str, ann: Person
) -> None:
    s3, mine = client("s3"), ann.client("s3")
    bucket = f"copies-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="from", Body=b"x")
    copy = {"Bucket": bucket, "Key": "to", "CopySource": f"{bucket}/from"}
    ann.may(allow("s3:PutObject"))
    assert "s3:GetObject" in refusal(mine.copy_object, **copy)[1]
    ann.may(allow("s3:GetObject"))
    assert "s3:PutObject" in refusal(mine.copy_object, **copy)[1]
    ann.may(allow(["s3:PutObject", "s3:GetObject"]))
    mine.copy_object(**copy)
    tagged = {"Bucket": bucket, "Key": "t", "Body": b"", "Tagging": "a=b"}
    assert "s3:PutObjectTagging" in refusal(mine.put_object, **tagged)[1]
    ann.may(allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/to"))
    keys = {"Objects": [{"Key": "to"}, {"Key": "from"}]}
    assert refusal(mine.delete_objects, Bucket=bucket, Delete=keys)[0] == "AccessDenied"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 2
    mine.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "to"}]})


def test_a_buckets_policy_binds_its_owner_too(client: Make, account: str) -> None:
    s3, bucket = client("s3"), f"sealed-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    sealed = deny("s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], Principal="*")
    s3.put_bucket_policy(Bucket=bucket, Policy=document(sealed))
    assert refusal(s3.get_object, Bucket=bucket, Key="k") == (
        "AccessDenied",
        f"User: arn:aws:iam::{account}:root is not authorized to perform: s3:GetObject on resource: "
        f'"arn:aws:s3:::{bucket}/k" with an explicit deny in a resource-based policy',
    )
    s3.delete_bucket_policy(Bucket=bucket)  # what no policy takes from the account's root
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_across_accounts_both_sides_must_allow(
    client: Make, server: Server, account: str, ann: Person
) -> None:
    owner = server.client("s3", f"9{account[1:]}")
    bucket = f"shared-{account}"
    owner.create_bucket(Bucket=bucket)
    owner.put_object(Bucket=bucket, Key="k", Body=b"x")
    mine = ann.client("s3")
    get = {"Bucket": bucket, "Key": "k"}
    ann.may(allow("s3:*"))
    assert refusal(mine.get_object, **get) == ("AccessDenied", "Access Denied")
    theirs = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": ann.arn})
    owner.put_bucket_policy(Bucket=bucket, Policy=document(theirs))
    assert mine.get_object(**get)["Body"].read() == b"x"
    assert refusal(mine.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
    ann.may(deny("s3:GetObject"), allow("s3:*"))
    assert refusal(mine.get_object, **get) == ("AccessDenied", "Access Denied")
    assert refusal(client("s3").get_object, **get)[0] == "AccessDenied", "nor its account's root"


def test_nobody_in_particular_reads_what_is_public(
    client: Make, account: str, endpoint: str
) -> None:
    s3, nobody = client("s3"), client("s3", signature_version=UNSIGNED)
    bucket = f"public-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="open/k", Body=b"x")
    s3.put_object(Bucket=bucket, Key="shut/k", Body=b"x")
    s3.delete_public_access_block(Bucket=bucket)
    public = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/open/*", Principal="*")
    s3.put_bucket_policy(Bucket=bucket, Policy=document(public))
    assert nobody.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"x"
    assert refusal(nobody.get_object, Bucket=bucket, Key="shut/k")[0] == "AccessDenied"
    assert refusal(nobody.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
    assert refusal(nobody.put_object, Bucket=bucket, Key="open/k", Body=b"")[0] == "AccessDenied"
    block = {"RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert refusal(nobody.get_object, Bucket=bucket, Key="open/k")[0] == "AccessDenied"
    assert s3.get_object(Bucket=bucket, Key="open/k")["Body"].read() == b"x"


def test_trust_policies_decide_who_becomes_a_role(client: Make, account: str, ann: Person) -> None:
    iam, mine = client("iam"), ann.client("sts")
    closed = trust(Service="lambda.amazonaws.com")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=closed)["Role"]["Arn"]
    ask = {"RoleArn": role, "RoleSessionName": "session"}
    ann.may(allow("sts:AssumeRole"))
    assert "role trust policy" in refusal(mine.assume_role, **ask)[1]
    to_account = trust(AWS=f"arn:aws:iam::{account}:root")
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=to_account)
    assert mine.assume_role(**ask)["AssumedRoleUser"]["Arn"].endswith("assumed-role/r/session")
    ann.may(allow("s3:*"))
    assert refusal(mine.assume_role, **ask)[0] == "AccessDenied", "the account's own policies, too"
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=trust(AWS=ann.arn))
    assert mine.assume_role(**ask), "named itself, the user needs nothing else"
    external = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": ann.arn},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "secret"}},
        }
    )
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=external)
    assert refusal(mine.assume_role, **ask)[0] == "AccessDenied"
    assert refusal(mine.assume_role, **ask, ExternalId="guess")[0] == "AccessDenied"
    assert mine.assume_role(**ask, ExternalId="secret")


def test_a_session_may_what_its_role_may_while_the_role_lives(
    client: Make, account: str, table: str
) -> None:
    iam = client("iam")
    iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{account}:root")
    )
    asked = {"RoleArn": f"arn:aws:iam::{account}:role/r", "RoleSessionName": "session"}
    given = client("sts").assume_role(**asked)["Credentials"]
    session = client(
        "dynamodb",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    code, text = refusal(session.scan, TableName=table)
    assert code == "AccessDeniedException"
    assert "assumed-role/r/session is not authorized to perform: dynamodb:Scan" in text
    may_scan = document(allow("dynamodb:Scan"))
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=may_scan)
    session.scan(TableName=table)
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.delete_role(RoleName="r")
    iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{account}:root")
    )
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=may_scan)
    assert refusal(session.scan, TableName=table)[0] == "AccessDeniedException", "another role"


FUNCTION = """
import boto3, botocore

def handler(event, context):
    try:
        boto3.client("dynamodb").put_item(TableName="things", Item={"k": {"S": "from a function"}})
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]
"""


def test_a_function_may_what_its_role_may(client: Make, account: str, table: str) -> None:
    iam, functions = client("iam"), client("lambda")
    service = trust(Service="lambda.amazonaws.com")
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=service)["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    functions.create_function(
        FunctionName="f",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": code.getvalue()},
        Timeout=30,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="f")

    def run() -> Any:
        return json.load(functions.invoke(FunctionName="f")["Payload"])

    refused = run()
    assert refused["Code"] == "AccessDeniedException"
    assert refused["Message"].startswith(
        f"User: arn:aws:sts::{account}:assumed-role/worker/f is not authorized to perform: "
        f"dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:{account}:table/things"
    )
    iam.put_role_policy(
        RoleName="worker", PolicyName="p", PolicyDocument=document(allow("dynamodb:PutItem"))
    )
    assert run() is None
    assert client("dynamodb").scan(TableName=table)["Count"] == 1


def test_nobody_gives_a_function_a_role_that_they_may_not_pass(
    client: Make, account: str, ann: Person
) -> None:
    """Else whoever may make functions could do whatever any role may."""
    admin = f"arn:aws:iam::{account}:role/admin"
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): ...")
    create = {
        "FunctionName": "f",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": admin,
        "Code": {"ZipFile": code.getvalue()},
    }
    ann.may(allow("lambda:*"))
    assert (
        f"iam:PassRole on resource: {admin}"
        in refusal(ann.client("lambda").create_function, **create)[1]
    )
    to_others = {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
    ann.may(allow("lambda:*"), allow("iam:PassRole", admin, Condition=to_others))
    assert "iam:PassRole" in refusal(ann.client("lambda").create_function, **create)[1]
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    ann.may(allow("lambda:*"), allow("iam:PassRole", admin, Condition=to_lambda))
    ann.client("lambda").create_function(**create)
    harmless = f"arn:aws:iam::{account}:role/harmless"
    change = {"FunctionName": "f", "Role": harmless}
    assert (
        "iam:PassRole" in refusal(ann.client("lambda").update_function_configuration, **change)[1]
    )


@pytest.mark.parametrize("mode", ["audit", "off"])
def test_audit_tells_what_would_be_denied_and_off_asks_nothing(
    own_server: Callable[..., Server], mode: str
) -> None:
    server = own_server("--iam", mode)

    def make(service: str, **options: Any) -> Any:
        return server.client(service, "1" * 12, **options)

    ann = Person(make, "1" * 12)
    answer = ann.client("dynamodb").list_tables()
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers.get("x-pilvi-iam") == (
        "would deny dynamodb:ListTables" if mode == "audit" else None
    )
    told = "is denied" in (server.data / "logs" / "pilvi.log").read_text()
    assert not told
    reported = json.loads(pilvi("iam", "report", "--json", server))
    found = [(one["who"], one["action"], one["resource"], one["count"]) for one in reported]
    would = [("arn:aws:iam::111111111111:user/ann", "dynamodb:ListTables", "*", 1)]
    assert found == (would if mode == "audit" else [])
    nobody = make("s3", signature_version=UNSIGNED)
    assert refusal(nobody.list_buckets)[0] == "AccessDenied", (
        "nobody in particular is refused still"
    )


def test_what_one_worker_changes_binds_the_others_at_once(
    own_server: Callable[..., Server],
) -> None:
    server = own_server("--workers", "2")

    def make(service: str, **options: Any) -> Any:
        return server.client(service, "1" * 12, **options)

    ann = Person(make, "1" * 12)
    for _ in range(20):
        ann.may(allow("dynamodb:ListTables"))
        for _ in range(4):
            ann.client("dynamodb").list_tables()  # new connections: any of the workers
        ann.may(allow("s3:*"))
        for _ in range(4):
            assert refusal(ann.client("dynamodb").list_tables)[0] == "AccessDeniedException"


def test_a_role_must_trust_the_service_that_it_is_given_to(client: Make, account: str) -> None:
    iam, functions = client("iam"), client("lambda")
    role = iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=trust(Service="states.amazonaws.com")
    )["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 1")
    create = {
        "FunctionName": "f",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": role,
        "Code": {"ZipFile": code.getvalue()},
    }
    told = "The role defined for the function cannot be assumed by Lambda."
    assert refusal(functions.create_function, **create) == ("InvalidParameterValueException", told)
    iam.update_assume_role_policy(
        RoleName="r", PolicyDocument=trust(Service="lambda.amazonaws.com")
    )
    functions.create_function(**create)
    functions.get_waiter("function_active_v2").wait(FunctionName="f")
    iam.update_assume_role_policy(
        RoleName="r", PolicyDocument=trust(Service="states.amazonaws.com")
    )
    assert refusal(functions.invoke, FunctionName="f") == ("AccessDeniedException", told)


def test_made_up_roles_are_for_the_open_mode(own_server: Callable[..., Server]) -> None:
    begun = own_server()
    ann = Person(lambda service, **more: begun.client(service, "0" * 12, **more), "0" * 12)
    ann.may(allow("*"))
    begun.stop()
    strict = own_server("--auth", "strict", data=begun.data)
    functions = strict.client("lambda", "0" * 12, **ann.keys)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 1")
    create = {
        "FunctionName": "f",
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": f"arn:aws:iam::{'0' * 12}:role/made-up",
        "Code": {"ZipFile": code.getvalue()},
    }
    assert "cannot be assumed" in refusal(functions.create_function, **create)[1]


def test_a_developer_is_told_what_decided(own_server: Callable[..., Server]) -> None:
    server = own_server()

    def make(service: str, **options: Any) -> Any:
        return server.client(service, "1" * 12, **options)

    ann = Person(make, "1" * 12)
    ann.may(
        allow("dynamodb:ListTables", Condition={"Bool": {"aws:SecureTransport": "true"}}),
        deny("s3:ListAllMyBuckets", Sid="NoBuckets"),
    )

    def explained(call: Callable[..., Any]) -> list[str]:
        with pytest.raises(ClientError) as caught:
            call()
        request_id = caught.value.response["ResponseMetadata"]["RequestId"]
        return [line.strip() for line in pilvi("iam", "explain", request_id, server).splitlines()]

    assert explained(ann.client("dynamodb").list_tables) == [
        f"{ann.arn} may not dynamodb:ListTables on *",
        "no identity-based policy allows it",
        f"statement 1 of inline policy own of {ann.arn} would allow it, but its condition Bool "
        "aws:SecureTransport true does not hold: the request has false",
        "To allow it:",
        f"add to a policy of {ann.arn}: {{",
        '"Effect": "Allow",',
        '"Action": "dynamodb:ListTables",',
        '"Resource": "*"',
        "}",
    ]
    assert explained(ann.client("s3").list_buckets)[1] == (
        f"denied by statement 2 (Sid NoBuckets) of inline policy own of {ann.arn}"
    )
    assert "No decision" in pilvi("iam", "explain", "none-such", server)


def test_a_boundary_bounds_whatever_policies_allow(client: Make, ann: Person, table: str) -> None:
    iam, mine = client("iam"), ann.client("dynamodb")
    ann.may(allow("dynamodb:*"))
    bound = document(allow(["dynamodb:Scan", "s3:*"]))
    policy = iam.create_policy(PolicyName="bound", PolicyDocument=bound)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=policy)
    mine.scan(TableName=table)
    code, text = refusal(mine.delete_table, TableName=table)
    assert code == "AccessDeniedException"
    assert text.endswith("because no permissions boundary allows the dynamodb:DeleteTable action")
    assert refusal(ann.client("s3").list_buckets)[0] == "AccessDenied", "a boundary grants nothing"
    told = iam.get_user(UserName="ann")["User"]["PermissionsBoundary"]
    assert told["PermissionsBoundaryArn"] == policy
    assert iam.get_policy(PolicyArn=policy)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert refusal(iam.delete_policy, PolicyArn=policy)[0] == "DeleteConflict"
    iam.update_user(UserName="ann", NewUserName="anna", NewPath="/staff/")
    assert refusal(mine.delete_table, TableName=table)[0] == "AccessDeniedException"
    assert refusal(iam.delete_policy, PolicyArn=policy)[0] == "DeleteConflict"
    iam.delete_user_permissions_boundary(UserName="anna")
    assert refusal(iam.delete_user_permissions_boundary, UserName="anna")[0] == "NoSuchEntity"
    mine.delete_table(TableName=table)
    iam.delete_policy(PolicyArn=policy)


def test_roles_are_bounded_from_their_creation(client: Make, account: str, table: str) -> None:
    iam = client("iam")
    iam.create_role(
        RoleName="r",
        AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{account}:root"),
        PermissionsBoundary="arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess",
    )
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(allow("dynamodb:*")))
    asked = {"RoleArn": f"arn:aws:iam::{account}:role/r", "RoleSessionName": "session"}
    given = client("sts").assume_role(**asked)["Credentials"]
    session = client(
        "dynamodb",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    session.scan(TableName=table)
    assert "permissions boundary" in refusal(session.delete_table, TableName=table)[1]
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.delete_role(RoleName="r")


def test_what_lies_under_a_path_is_known_by_it(client: Make, account: str, ann: Person) -> None:
    """Requests name users and roles without their path; policies are about the whole ARN."""
    iam = client("iam")
    iam.create_user(UserName="boss", Path="/bosses/")
    ann.may(allow("iam:DeleteUser"), deny("iam:*", f"arn:aws:iam::{account}:user/bosses/*"))
    assert "explicit deny" in refusal(ann.client("iam").delete_user, UserName="boss")[1]
    iam.create_user(UserName="clerk")
    ann.client("iam").delete_user(UserName="clerk")


def test_a_denial_tells_its_decision_to_who_may_decode_it(
    client: Make, account: str, ann: Person, table: str
) -> None:
    ann.may(
        allow("dynamodb:Scan"),
        {**deny("dynamodb:Scan"), "Sid": "NoScans"},
    )
    with pytest.raises(ClientError) as caught:
        ann.client("dynamodb").scan(TableName=table)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    message = headers["x-pilvi-authorization-message"]
    assert "NoScans" not in message
    code, _ = refusal(ann.client("sts").decode_authorization_message, EncodedMessage=message)
    assert code == "AccessDenied"
    ann.may(allow("sts:DecodeAuthorizationMessage"))
    told = json.loads(
        ann.client("sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"]
    )
    assert (told["allowed"], told["explicitDeny"]) == (False, True)
    [statement] = told["matchedStatements"]["items"]
    assert (statement["statementId"], statement["effect"]) == ("NoScans", "DENY")
    context = told["context"]
    assert (context["principal"]["arn"], context["action"]) == (ann.arn, "dynamodb:Scan")
    assert context["resource"] == f"arn:aws:dynamodb:us-east-1:{account}:table/{table}"
    conditions = {one["key"]: one["values"]["items"] for one in context["conditions"]["items"]}
    assert conditions["aws:username"] == [{"value": "ann"}]
    tampered = message[:-8] + ("A" if message[-8] != "A" else "B") + message[-7:]
    stranger = client("sts", account=f"9{account[1:]}")
    for sts, text in ((client("sts"), tampered), (client("sts"), "x"), (stranger, message)):
        code, _ = refusal(sts.decode_authorization_message, EncodedMessage=text)
        assert code == "InvalidAuthorizationMessageException"
