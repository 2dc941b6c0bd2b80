"""Service and resource control policies decide over the wire: whom they hold for, where, and from when on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from clouds import in_memory
from iam.test_decisions import pilvi
from organizations.house import FULL, RCP, SCP, House, Make, allow, deny, refusal, written
from pilvi.base.arn import Scope
from pilvi.base.errors import AwsError
from pilvi.contracts.causes import Cause
from pilvi.contracts.delivery import Source
from pilvi.identity import behalf
from pilvi.identity.guardrails import Guardrails, limited
from pilvi.identity.permissions import OnResource
from pilvi.identity.principal import Principal, root_of
from pilvi.languages.policy import (
    IDENTITY,
    RESOURCE,
    TRUST,
    Attachment,
    Document,
    Kind,
    Origin,
    Policies,
    Request,
    ResourceSide,
    decide,
    document,
)
from pilvi.languages.policy import Principal as Asking

EVERYTHING = written(allow("*"))
DENIED = "with an explicit deny in a service control policy"


def keys_of_user(house: House, account: str, *, may: str = EVERYTHING) -> dict[str, str]:
    iam = house.client("iam", account)
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=may)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def keys_of_role(house: House, account: str, path: str = "/") -> dict[str, str]:
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
    }
    iam = house.client("iam", account)
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=written(trust), Path=path)
    iam.put_role_policy(RoleName="worker", PolicyName="own", PolicyDocument=EVERYTHING)
    sts = house.client("sts", account)
    session = sts.assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="session")["Credentials"]
    return {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }


def test_a_policy_denies_a_members_root_user_and_role(house: House) -> None:
    """SCPs limit every principal of a member account, its root user included."""
    member = house.member()
    keys = [{}, keys_of_user(house, member), keys_of_role(house, member)]
    house.enable()
    for each in keys:
        assert house.client("s3", member, **each).list_buckets()["Buckets"] == []
    policy = house.hold(house.root, deny("s3:*"))
    arn = (
        f"arn:aws:organizations::{house.account}:policy/{house.id}/service_control_policy/{policy}"
    )
    for each in keys:
        code, message = refusal(house.client("s3", member, **each).list_buckets)
        assert code == "AccessDenied"
        assert f"{DENIED}, with policy ARN: {arn}" in message
        house.client("dynamodb", member, **each).list_tables()
    house.organizations.detach_policy(PolicyId=policy, TargetId=house.root)
    for each in keys:
        house.client("s3", member, **each).list_buckets()


def test_a_role_that_was_made_up_is_held_too(tmp_path: Path) -> None:
    """In the open mode it acts as the account's root, which SCPs hold for. Services alone have such roles."""
    cloud = in_memory(tmp_path)
    manager, member = "1" * 12, "2" * 12
    made_up = Principal(
        account=member,
        arn=f"arn:aws:sts::{member}:assumed-role/nowhere/session",
        id="AROA:session",
        role_arn=f"arn:aws:iam::{member}:role/nowhere",
        made_up=True,
    )

    async def ask(who: Principal, service: str, operation: str, **params: Any) -> dict[str, Any]:
        return await cloud.perform(
            service,
            operation,
            params,
            scope=Scope(who.account, "us-east-1"),
            principal=who,
            cause=Cause("r"),
        )

    async def story() -> None:
        root, own = root_of(manager, "key"), root_of(member, "key")
        org = (await ask(root, "organizations", "CreateOrganization"))["Organization"]
        [top] = (await ask(root, "organizations", "ListRoots"))["Roots"]
        target = {"Id": member, "Type": "ACCOUNT"}
        sent = await ask(root, "organizations", "InviteAccountToOrganization", Target=target)
        id = sent["Handshake"]["Id"]
        await ask(own, "organizations", "AcceptHandshake", HandshakeId=id)
        await ask(root, "organizations", "EnablePolicyType", RootId=top["Id"], PolicyType=SCP)
        await ask(made_up, "dynamodb", "ListTables")
        named = {"Name": "n", "Description": "", "Type": SCP}
        content = written(deny("dynamodb:*"))
        made = await ask(root, "organizations", "CreatePolicy", Content=content, **named)
        id = made["Policy"]["PolicySummary"]["Id"]
        await ask(root, "organizations", "AttachPolicy", PolicyId=id, TargetId=member)
        with pytest.raises(AwsError, match=f"{DENIED}.*{org['Id']}"):
            await ask(made_up, "dynamodb", "ListTables")

    asyncio.run(story())


def test_the_management_account_is_spared(house: House) -> None:
    house.enable()
    keys = keys_of_user(house, house.account)
    for target in (house.root, house.account):
        house.hold(target, deny("*"))
    for each in ({}, keys):
        house.client("s3", house.account, **each).list_buckets()


def test_strangers_are_not_limited(house: House) -> None:
    house.enable()
    house.hold(house.root, deny("*"))
    house.client("s3", house.stranger()).list_buckets()


def test_every_level_must_allow(house: House) -> None:
    """An allow at the account counts for nothing where a unit above it does not allow."""
    outer = house.unit("outer")
    inner = house.unit("inner", outer)
    member = house.member(inner)
    house.enable()
    s3, dynamodb = house.client("s3", member), house.client("dynamodb", member)
    house.only(outer, allow(["s3:*", "dynamodb:*"]))
    s3.list_buckets()
    dynamodb.list_tables()
    house.only(member, allow(["s3:*", "sts:*"]))
    s3.list_buckets()
    code, message = refusal(dynamodb.list_tables)
    assert code == "AccessDeniedException"
    assert message.endswith(
        "because no service control policy allows the dynamodb:ListTables action"
    )
    house.only(inner, allow("dynamodb:*"))
    assert refusal(s3.list_buckets)[0] == "AccessDenied"
    assert refusal(dynamodb.list_tables)[0] == "AccessDeniedException"
    assert refusal(house.client("iam", member).list_users)[0] == "AccessDenied"


def test_the_last_policy_stays_and_without_full_access_nothing_is_allowed(house: House) -> None:
    member = house.member()
    house.enable()
    detach = house.organizations.detach_policy
    code, message = refusal(detach, PolicyId=FULL, TargetId=member)
    assert code == "ConstraintViolationException"
    assert message.startswith("You cannot remove the last policy attached")
    house.only(member, deny("s3:DeleteBucket"))
    for service, ask in (("s3", "list_buckets"), ("iam", "list_users"), ("kms", "list_keys")):
        assert "AccessDenied" in refusal(getattr(house.client(service, member), ask))[0]
    house.client("sts", member).get_caller_identity()  # needs no permission
    house.client("s3", house.account).list_buckets()


def test_moving_an_account_changes_what_holds_at_once(house: House) -> None:
    closed, open_ = house.unit("closed"), house.unit("open")
    member = house.member(open_)
    house.enable()
    house.hold(closed, deny("s3:*"))
    s3 = house.client("s3", member)
    for _ in range(3):
        s3.list_buckets()
        house.move(member, open_, closed)
        assert refusal(s3.list_buckets)[0] == "AccessDenied"
        house.move(member, closed, open_)


def test_changing_disabling_and_leaving_hold_at_once(house: House) -> None:
    member = house.member()
    s3 = house.client("s3", member)
    house.enable()
    policy = house.hold(house.root, deny("s3:*"))
    assert refusal(s3.list_buckets)[0] == "AccessDenied"
    change = house.organizations.update_policy
    change(PolicyId=policy, Content=written(deny("s3:DeleteBucket")))
    s3.list_buckets()
    change(PolicyId=policy, Content=written(deny("s3:ListAllMyBuckets")))
    assert refusal(s3.list_buckets)[0] == "AccessDenied"
    house.organizations.disable_policy_type(RootId=house.root, PolicyType=SCP)
    s3.list_buckets()
    house.enable()
    s3.list_buckets()  # what was attached is not, any more
    house.attach(policy, house.root)
    assert refusal(s3.list_buckets)[0] == "AccessDenied"
    house.client("organizations", member).leave_organization()
    s3.list_buckets()


def test_a_member_can_be_kept_from_leaving(house: House) -> None:
    member = house.member()
    house.enable()
    house.hold(house.root, deny("organizations:LeaveOrganization"))
    assert refusal(house.client("organizations", member).leave_organization) == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{member}:root is not authorized to perform:"
        f" organizations:LeaveOrganization on resource: * {DENIED}, with policy ARN:"
        f" {house.organizations.list_policies(Filter=SCP)['Policies'][1]['Arn']}",
    )


def test_an_allowed_action_still_needs_a_policy_of_its_own(house: House) -> None:
    member = house.member()
    house.enable()
    keys = keys_of_user(house, member, may=written(allow("dynamodb:*")))
    assert "no identity-based policy" in refusal(house.client("s3", member, **keys).list_buckets)[1]


def test_conditions_of_a_policy_hold(house: House) -> None:
    member = house.member()
    house.enable()
    sparing = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/ann"}}
    house.hold(house.root, deny("s3:*", Condition=sparing))
    house.client("s3", member, **keys_of_user(house, member)).list_buckets()
    assert refusal(house.client("s3", member).list_buckets)[0] == "AccessDenied"


def test_service_linked_roles_are_spared(house: House) -> None:
    """No SCP reaches them; this is the engine's promise, seen with a policy that denies everything."""

    def made(text: str) -> Any:
        return document(text, IDENTITY, Origin(Attachment.INLINE))

    here = Guardrails("o-1", "o-1/r-1/", service_control=((made(written(deny("*"))),),))
    policies = limited(Policies(identity=(made(EVERYTHING),)), here, here, "s3:ListAllMyBuckets")
    answers: dict[str, bool] = {}
    for path in ("", "aws-service-role/lex.amazonaws.com/"):
        role = f"arn:aws:iam::000000000001:role/{path}r"
        session = "arn:aws:sts::000000000001:assumed-role/r/s"
        principal = Asking(Kind.ROLE_SESSION, "000000000001", session, role)
        request = Request(principal, "s3:ListAllMyBuckets", ("*",), "000000000001", {})
        answers[path] = decide(request, policies).allowed
    assert list(answers.values()) == [False, True]


# --- resource control policies


def bucket_for_everyone(house: House, account: str) -> tuple[str, Any]:
    s3 = house.client("s3", account)
    name = f"shared-{account}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    grant = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    s3.delete_public_access_block(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=written(grant))
    return name, s3


def outside(house: House, **more: Any) -> dict[str, Any]:
    """Denies whoever is in another organisation, or in none."""
    condition = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": house.id}}
    return deny("s3:*", Principal="*", Condition=condition, **more)


def test_a_resource_control_policy_denies_a_stranger_and_spares_ones_own(house: House) -> None:
    member, other = house.member(), house.member()
    name, own = bucket_for_everyone(house, member)
    stranger = house.client("s3", house.stranger())
    anybody = house.client("s3", house.stranger(), signature_version=UNSIGNED)
    sibling = house.client("s3", other)
    for s3 in (own, stranger, sibling, anybody):
        s3.get_object(Bucket=name, Key="k")
    house.enable(RCP)
    for s3 in (own, stranger, sibling, anybody):
        s3.get_object(Bucket=name, Key="k")
    house.hold(house.root, outside(house), kind=RCP)
    for s3 in (own, sibling):
        s3.get_object(Bucket=name, Key="k")
    for s3 in (stranger, anybody):
        assert refusal(s3.get_object, Bucket=name, Key="k") == ("AccessDenied", "Access Denied")


def test_resources_of_the_management_account_and_of_other_services_are_spared(
    house: House,
) -> None:
    member = house.member()
    mine, _ = bucket_for_everyone(house, house.account)
    theirs, _ = bucket_for_everyone(house, member)
    house.enable(RCP)
    house.hold(house.root, deny(["s3:*", "lambda:*"], Principal="*"), kind=RCP)
    stranger = house.client("s3", house.stranger())
    stranger.get_object(Bucket=mine, Key="k")
    assert refusal(stranger.get_object, Bucket=theirs, Key="k")[0] == "AccessDenied"
    assert refusal(house.client("s3", member).get_object, Bucket=theirs, Key="k")[0] == (
        "AccessDenied"
    )
    house.client("lambda", member).list_functions()


def test_policies_of_one_kind_do_not_hold_for_the_other_side(house: House) -> None:
    """A stranger's bucket is no affair of the organisation's RCPs, nor a stranger of its SCPs."""
    member, stranger = house.member(), house.stranger()
    theirs, _ = bucket_for_everyone(house, stranger)
    mine, _ = bucket_for_everyone(house, member)
    house.enable(RCP)
    house.enable(SCP)
    house.hold(house.root, deny("s3:*", Principal="*"), kind=RCP)
    house.client("s3", member).get_object(Bucket=theirs, Key="k")
    house.hold(house.root, deny("s3:*"))
    for account, bucket in ((member, theirs), (stranger, mine)):
        refused = refusal(house.client("s3", account).get_object, Bucket=bucket, Key="k")
        assert refused == ("AccessDenied", "Access Denied")


def test_a_resource_control_policy_holds_for_roles_tables_and_ones_own_too(house: House) -> None:
    """Whoever asks: an account's own root user, or another account whom a role's trust policy lets in."""
    member, stranger = house.member(), house.stranger()
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{one}:root" for one in (member, stranger)]},
        "Action": "sts:AssumeRole",
    }
    iam = house.client("iam", member)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=written(trust))["Role"]["Arn"]
    assume = {"RoleArn": role, "RoleSessionName": "session"}
    house.client("sts", stranger).assume_role(**assume)
    house.enable(RCP)
    elsewhere = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": house.id}}
    house.hold(
        house.root,
        deny("sts:AssumeRole", Principal="*", Condition=elsewhere),
        deny("dynamodb:ListTables", Principal="*"),
        kind=RCP,
    )
    house.client("sts", member).assume_role(**assume)
    code, message = refusal(house.client("sts", stranger).assume_role, **assume)
    assert (code, "resource control policy" in message) == ("AccessDenied", True)
    code, message = refusal(house.client("dynamodb", member).list_tables)
    assert (code, "resource control policy" in message) == ("AccessDeniedException", True)
    house.client("dynamodb", stranger).list_tables()


def test_services_are_held_by_resource_control_policies_alone() -> None:
    """And tell of whose organisation the resource is that they act for."""
    source = Source("lambda.amazonaws.com", "arn:aws:lambda:us-east-1:000000000001:function:f", "1")
    role = "arn:aws:iam::000000000002:role/r"
    trust = {"Effect": "Allow", "Principal": {"Service": source.service}, "Action": "sts:*"}
    from_ours = {**trust, "Condition": {"StringEquals": {"aws:SourceOrgID": "o-ours"}}}

    def lets(statement: dict[str, Any], here: Guardrails, there: Guardrails) -> bool:
        side = OnResource(
            "000000000002",
            (document(written(statement), TRUST, Origin(Attachment.TRUST)),),
            ResourceSide.TRUST,
        )
        _, _, decision = behalf.judge(
            source, "sts:AssumeRole", role, side, now_ms=0, there=there, here=here
        )
        return decision.allowed

    def level(*statements: dict[str, Any]) -> Document:
        everyone = [{**one, "Principal": "*"} for one in statements]
        return document(written(*everyone), RESOURCE, Origin(Attachment.RESOURCE_CONTROL))

    free, ours = Guardrails(), Guardrails("o-ours", "o-ours/r-1/")
    assert lets(trust, free, free)
    assert not lets(from_ours, free, ours)
    assert lets(from_ours, ours, free)
    full, none = level(allow("*")), level(deny("sts:*"))
    scp = Guardrails("o-1", "o-1/r-1/", service_control=((none,),))
    assert lets(trust, scp, scp)
    assert lets(trust, free, Guardrails("o-1", "o-1/r-1/", resource_control=((full,),)))
    assert not lets(trust, free, Guardrails("o-1", "o-1/r-1/", resource_control=((full, none),)))


def test_what_resource_control_policies_spare() -> None:
    """Keys that AWS manages, the retiring of grants, and services that do not take part."""
    full = document(written(deny("*", Principal="*")), RESOURCE, Origin(Attachment.RESOURCE))
    there = Guardrails("o-1", "o-1/r-1/", resource_control=((full,),))

    def held(action: str, *, spared: bool = False) -> bool:
        limits = limited(Policies(), there, there, action, spared=spared)
        return bool(limits.resource_control)

    assert held("kms:Decrypt")
    assert held("KMS:decrypt")
    assert not held("kms:Decrypt", spared=True)
    assert not held("kms:RetireGrant")
    assert not held("lambda:InvokeFunction")


# --- condition keys


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalOrgID", "{id}"),
        ("aws:ResourceOrgID", "{id}"),
        ("aws:PrincipalOrgPaths", "{id}/{root}/{unit}/"),
        ("aws:ResourceOrgPaths", "{id}/{root}/{unit}/"),
    ],
)
def test_keys_tell_of_the_organisation(house: House, key: str, value: str) -> None:
    unit = house.unit("unit")
    member = house.member(unit)
    told = value.format(id=house.id, root=house.root, unit=unit)
    test = {"ForAnyValue:StringEquals" if "Paths" in key else "StringEquals": {key: told}}
    may = written(allow("s3:ListAllMyBuckets", Condition=test))
    keys = keys_of_user(house, member, may=may)
    s3 = house.client("s3", member, **keys)
    s3.list_buckets()
    house.organizations.remove_account_from_organization(AccountId=member)
    assert refusal(s3.list_buckets)[0] == "AccessDenied"


def test_a_bucket_opens_to_an_organisation(house: House) -> None:
    member, stranger = house.member(), house.stranger()
    s3 = house.client("s3", member)
    name = f"ours-{member}"
    s3.create_bucket(Bucket=name)
    grant = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{name}",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": house.id}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(json.loads(written(grant))))
    house.client("s3", house.account).list_objects_v2(Bucket=name)
    assert refusal(house.client("s3", stranger).list_objects_v2, Bucket=name)[0] == "AccessDenied"


def test_what_is_decided_survives_a_kill(own_server: Make) -> None:
    server = own_server()

    def make(service: str, account: str = "000000000077", **config: Any) -> Any:
        return server.client(service, account, **config)

    house = House(make, "000000000077")
    member = house.member()
    house.enable()
    house.hold(house.root, deny("s3:*"))
    server.kill()
    server.start()
    assert refusal(make("s3", account=member).list_buckets)[0] == "AccessDenied"
    make("s3").list_buckets()


def test_the_simulator_knows_the_organisation(house: House) -> None:
    member = house.member()
    keys_of_user(house, member)
    house.enable()
    house.hold(house.root, deny("s3:*"))
    simulated = house.client("iam", member).simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{member}:user/ann",
        ActionNames=["s3:ListAllMyBuckets", "dynamodb:ListTables"],
    )["EvaluationResults"]
    told = [
        (one["EvalDecision"], one["OrganizationsDecisionDetail"]["AllowedByOrganizations"])
        for one in simulated
    ]
    assert told == [("explicitDeny", False), ("allowed", True)]


def test_a_developer_is_told_which_policy_is_in_the_way(own_server: Make) -> None:
    """`pilvi iam explain` names the policy, and where it is attached; or that a level does not allow."""
    server = own_server()

    def make(service: str, account: str = "000000000078", **config: Any) -> Any:
        return server.client(service, account, **config)

    def explained(call: Any) -> list[str]:
        with pytest.raises(ClientError) as caught:
            call()
        request_id = caught.value.response["ResponseMetadata"]["RequestId"]
        return [line.strip() for line in pilvi("iam", "explain", request_id, server).splitlines()]

    house = House(make, "000000000078")
    member = house.member()
    house.enable()
    policy = house.hold(house.root, deny("s3:*", Sid="NoBuckets"))
    arn = (
        f"arn:aws:organizations::{house.account}:policy/{house.id}/service_control_policy/{policy}"
    )
    s3 = make("s3", account=member)
    denied = f"statement 1 (Sid NoBuckets) of service control policy {arn} of {house.root}"
    assert f"denied by {denied}" in explained(s3.list_buckets)
    house.organizations.detach_policy(PolicyId=policy, TargetId=house.root)
    house.only(member, allow("dynamodb:*"))
    assert "no service control policy allows it" in explained(s3.list_buckets)
