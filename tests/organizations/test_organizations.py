"""The organisation, its units and accounts, its policies: what is kept and told, and what is refused."""

from __future__ import annotations

import re

import pytest

from organizations.house import FULL, RCP, SCP, House, Make, allow, deny, reason, refusal, written


def paged(call: object, member: str, **arguments: object) -> list[dict[str, object]]:
    """All items, in pages of two."""
    found: list[dict[str, object]] = []
    token: dict[str, str] = {}
    while True:
        answer = call(MaxResults=2, **arguments, **token)  # type: ignore[operator]
        assert len(answer[member]) <= 2
        found += answer[member]
        if "NextToken" not in answer:
            return found
        token = {"NextToken": answer["NextToken"]}


def test_an_organisation_begins_with_a_root_and_its_management_account(
    client: Make, account: str
) -> None:
    organizations = client("organizations")
    assert refusal(organizations.describe_organization) == (
        "AWSOrganizationsNotInUseException",
        "Your account is not a member of an organization.",
    )
    made = organizations.create_organization(FeatureSet="ALL")["Organization"]
    assert re.fullmatch("o-[a-z0-9]{10}", made["Id"])
    assert made["FeatureSet"] == "ALL"
    assert made["MasterAccountId"] == account
    assert made["Arn"] == f"arn:aws:organizations::{account}:organization/{made['Id']}"
    assert made["MasterAccountArn"] == (
        f"arn:aws:organizations::{account}:account/{made['Id']}/{account}"
    )
    assert organizations.describe_organization()["Organization"] == made
    [root] = organizations.list_roots()["Roots"]
    assert re.fullmatch("r-[0-9a-z]{4}", root["Id"])
    assert root["PolicyTypes"] == []
    assert (
        organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"] == []
    )
    enable = organizations.enable_aws_service_access
    assert refusal(enable, ServicePrincipal="cloudtrail.amazonaws.com")[0] == "NotImplemented"
    [own] = organizations.list_accounts()["Accounts"]
    assert (own["Id"], own["Status"], own["State"]) == (account, "ACTIVE", "ACTIVE")
    assert refusal(organizations.create_organization)[0] == "AlreadyInOrganizationException"
    billing = client("organizations", account="000000000555").create_organization
    assert "pilvi does not implement" in refusal(billing, FeatureSet="CONSOLIDATED_BILLING")[1]


def test_an_organisation_ends_when_nothing_is_left_in_it(house: House) -> None:
    organizations, unit, member = house.organizations, house.unit("u"), house.member()
    not_empty = "OrganizationNotEmptyException"
    house.enable()
    policy = house.policy(deny("s3:*"))
    assert refusal(organizations.delete_organization)[0] == not_empty
    organizations.remove_account_from_organization(AccountId=member)
    assert refusal(organizations.delete_organization)[0] == not_empty
    organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    assert refusal(organizations.delete_organization)[0] == not_empty
    organizations.delete_policy(PolicyId=policy)
    organizations.delete_organization()
    assert refusal(organizations.list_roots)[0] == "AWSOrganizationsNotInUseException"
    again = organizations.create_organization()["Organization"]
    assert again["Id"] != house.id
    assert len(organizations.list_accounts()["Accounts"]) == 1


def test_units_make_a_tree_five_deep(house: House) -> None:
    organizations, parent = house.organizations, house.root
    path = f"{house.id}/{house.root}/"
    for level in range(1, 6):
        made = organizations.create_organizational_unit(ParentId=parent, Name=f"level {level}")
        parent = made["OrganizationalUnit"]["Id"]
        path += f"{parent}/"
        assert re.fullmatch(f"ou-{house.root[2:]}-[a-z0-9]{{8}}", parent)
        assert made["OrganizationalUnit"]["Path"] == path
    assert reason(organizations.create_organizational_unit, ParentId=parent, Name="6") == (
        "ConstraintViolationException",
        "OU_DEPTH_LIMIT_EXCEEDED",
    )
    unknown = f"ou-{house.root[2:]}-00000000"
    assert refusal(organizations.create_organizational_unit, ParentId=unknown, Name="x")[0] == (
        "ParentNotFoundException"
    )


def test_units_are_told_of_renamed_and_deleted(house: House) -> None:
    organizations = house.organizations
    units = sorted(house.unit(name) for name in "abcde")
    listed = paged(
        organizations.list_organizational_units_for_parent,
        "OrganizationalUnits",
        ParentId=house.root,
    )
    assert [one["Id"] for one in listed] == units
    children = paged(
        organizations.list_children,
        "Children",
        ParentId=house.root,
        ChildType="ORGANIZATIONAL_UNIT",
    )
    assert [one["Id"] for one in children] == units
    assert refusal(organizations.create_organizational_unit, ParentId=house.root, Name="a") == (
        "DuplicateOrganizationalUnitException",
        "An OU with the same name already exists.",
    )
    first, second = units[:2]
    rename = organizations.update_organizational_unit
    assert rename(OrganizationalUnitId=first, Name="z")["OrganizationalUnit"]["Name"] == "z"
    assert refusal(rename, OrganizationalUnitId=second, Name="z")[0] == (
        "DuplicateOrganizationalUnitException"
    )
    inner = house.unit("inner", first)
    assert organizations.list_parents(ChildId=inner)["Parents"] == [
        {"Id": first, "Type": "ORGANIZATIONAL_UNIT"}
    ]
    delete = organizations.delete_organizational_unit
    assert refusal(delete, OrganizationalUnitId=first)[0] == "OrganizationalUnitNotEmptyException"
    delete(OrganizationalUnitId=inner)
    delete(OrganizationalUnitId=first)
    assert refusal(organizations.describe_organizational_unit, OrganizationalUnitId=first) == (
        "OrganizationalUnitNotFoundException",
        "You specified an organizational unit that doesn't exist.",
    )
    assert refusal(organizations.list_parents, ChildId=first)[0] == "ChildNotFoundException"


def test_accounts_move(house: House) -> None:
    organizations, unit, member = house.organizations, house.unit("u"), house.member()
    move = organizations.move_account
    known = {"AccountId": member, "SourceParentId": house.root}
    assert refusal(move, **known, DestinationParentId=house.root)[0] == "DuplicateAccountException"
    assert refusal(move, AccountId=member, SourceParentId=unit, DestinationParentId=unit)[0] == (
        "SourceParentNotFoundException"
    )
    nowhere = f"ou-{house.root[2:]}-00000000"
    assert refusal(move, **known, DestinationParentId=nowhere)[0] == (
        "DestinationParentNotFoundException"
    )
    stranger = {"AccountId": house.stranger(), "SourceParentId": house.root}
    assert refusal(move, **stranger, DestinationParentId=unit)[0] == "AccountNotFoundException"
    move(**known, DestinationParentId=unit)
    assert organizations.list_parents(ChildId=member)["Parents"][0]["Id"] == unit
    [told] = organizations.list_accounts_for_parent(ParentId=unit)["Accounts"]
    assert told["Paths"] == [f"{house.id}/{house.root}/{unit}/{member}/"]
    [child] = organizations.list_children(ParentId=unit, ChildType="ACCOUNT")["Children"]
    assert child == {"Id": member, "Type": "ACCOUNT"}
    assert refusal(organizations.delete_organizational_unit, OrganizationalUnitId=unit)[0] == (
        "OrganizationalUnitNotEmptyException"
    )


def test_accounts_come_in_pages(house: House) -> None:
    members = sorted([house.account, *(house.member() for _ in range(4))])
    found = paged(house.organizations.list_accounts, "Accounts")
    assert [one["Id"] for one in found] == members
    assert reason(house.organizations.list_accounts, NextToken="nonsense!") == (
        "InvalidInputException",
        "INVALID_NEXT_TOKEN",
    )


def test_who_is_no_manager_may_look_but_not_touch(house: House) -> None:
    """What only the management account may, no policy of a member opens."""
    member = house.client("organizations", house.member())
    assert member.describe_organization()["Organization"]["Id"] == house.id
    denied = ("AccessDeniedException", "You don't have permissions to access this resource.")
    for ask in (
        member.list_accounts,
        member.list_roots,
        member.delete_organization,
        member.list_create_account_status,
    ):
        assert refusal(ask) == denied
    assert refusal(member.enable_policy_type, RootId=house.root, PolicyType=SCP) == denied
    unit = {"ParentId": house.root, "Name": "mine"}
    assert refusal(member.create_organizational_unit, **unit) == denied


def test_the_management_account_stays(house: House) -> None:
    stays = "MasterCannotLeaveOrganizationException"
    remove = house.organizations.remove_account_from_organization
    assert refusal(remove, AccountId=house.account)[0] == stays
    assert refusal(house.organizations.leave_organization)[0] == stays


# --- new accounts


def test_an_account_is_created_with_a_role_for_the_management_account(
    house: House, clock: object
) -> None:
    organizations = house.organizations
    email = f"a{house.account}@example.com"
    tags = [{"Key": "stage", "Value": "test"}]
    asked = organizations.create_account(Email=email, AccountName="Team A", Tags=tags)
    status = asked["CreateAccountStatus"]
    assert status["State"] == "IN_PROGRESS"
    assert re.fullmatch("car-[a-z0-9]{32}", status["Id"])
    assert "AccountId" not in status
    clock.wait_until_idle()  # type: ignore[attr-defined]
    ask = organizations.describe_create_account_status
    status = ask(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    account = status["AccountId"]
    assert re.fullmatch("[1-9][0-9]{11}", account)
    told = organizations.describe_account(AccountId=account)["Account"]
    assert (told["Name"], told["Email"], told["JoinedMethod"]) == ("Team A", email, "CREATED")
    assert organizations.list_tags_for_resource(ResourceId=account)["Tags"] == tags

    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    sts = house.client("sts", house.account)
    given = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    keys = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    house.client("s3", account, **keys).create_bucket(Bucket=f"of-{account}")
    stranger = house.client("sts", house.stranger())
    assert refusal(stranger.assume_role, RoleArn=role, RoleSessionName="session")[0] == (
        "AccessDenied"
    )


def test_an_address_is_taken_once(house: House, clock: object) -> None:
    organizations, email = house.organizations, f"b{house.account}@example.com"
    for name in ("one", "two"):
        organizations.create_account(Email=email, AccountName=name, RoleName="Admin")
        clock.wait_until_idle()  # type: ignore[attr-defined]
    [failed] = organizations.list_create_account_status(States=["FAILED"])["CreateAccountStatuses"]
    assert failed["FailureReason"] == "EMAIL_ALREADY_EXISTS"
    assert failed["AccountName"] == "two"
    assert len(organizations.list_create_account_status()["CreateAccountStatuses"]) == 2
    assert len(organizations.list_accounts()["Accounts"]) == 2
    assert refusal(
        organizations.describe_create_account_status, CreateAccountRequestId="car-" + "0" * 32
    )[0] == ("CreateAccountStatusNotFoundException")


# --- invitations


def test_an_account_joins_by_its_own_will_alone(house: House) -> None:
    account, target = house.stranger(), {}
    target = {"Id": account, "Type": "ACCOUNT"}
    invited = house.organizations.invite_account_to_organization(Target=target, Notes="Welcome")
    handshake = invited["Handshake"]
    assert (handshake["State"], handshake["Action"]) == ("OPEN", "INVITE")
    id = handshake["Id"]
    assert handshake["Arn"] == (
        f"arn:aws:organizations::{house.account}:handshake/{house.id}/invite/{id}"
    )
    assert refusal(house.organizations.invite_account_to_organization, Target=target)[0] == (
        "DuplicateHandshakeException"
    )
    assert refusal(house.organizations.accept_handshake, HandshakeId=id)[0] == (
        "AccessDeniedException"
    )
    third = house.client("organizations", house.stranger())
    for ask in (third.accept_handshake, third.describe_handshake, third.cancel_handshake):
        assert refusal(ask, HandshakeId=id)[0] == "HandshakeNotFoundException"
    theirs = house.client("organizations", account)
    assert refusal(theirs.cancel_handshake, HandshakeId=id)[0] == "AccessDeniedException"
    [waiting] = theirs.list_handshakes_for_account()["Handshakes"]
    assert waiting == handshake == theirs.describe_handshake(HandshakeId=id)["Handshake"]
    assert theirs.accept_handshake(HandshakeId=id)["Handshake"]["State"] == "ACCEPTED"
    assert theirs.describe_organization()["Organization"]["Id"] == house.id
    assert refusal(theirs.accept_handshake, HandshakeId=id)[0] == (
        "HandshakeAlreadyInStateException"
    )
    assert refusal(theirs.decline_handshake, HandshakeId=id)[0] == (
        "InvalidHandshakeTransitionException"
    )
    assert reason(house.organizations.invite_account_to_organization, Target=target) == (
        "HandshakeConstraintViolationException",
        "ALREADY_IN_AN_ORGANIZATION",
    )
    [sent] = house.organizations.list_handshakes_for_organization()["Handshakes"]
    assert sent["State"] == "ACCEPTED"


@pytest.mark.parametrize("end", ["decline", "cancel", "lapse"])
def test_an_invitation_ends(house: House, clock: object, end: str) -> None:
    account = house.stranger()
    theirs = house.client("organizations", account)
    target = {"Id": account, "Type": "ACCOUNT"}
    invite = house.organizations.invite_account_to_organization
    id = invite(Target=target)["Handshake"]["Id"]
    if end == "decline":
        theirs.decline_handshake(HandshakeId=id)
    elif end == "cancel":
        house.organizations.cancel_handshake(HandshakeId=id)
    else:
        clock.freeze()  # type: ignore[attr-defined]
        clock.advance(seconds=15 * 86_400)  # type: ignore[attr-defined]
    states = {"decline": "DECLINED", "cancel": "CANCELED", "lapse": "EXPIRED"}
    assert theirs.describe_handshake(HandshakeId=id)["Handshake"]["State"] == states[end]
    assert refusal(theirs.accept_handshake, HandshakeId=id)[0] == (
        "InvalidHandshakeTransitionException"
    )
    again = invite(Target=target)["Handshake"]["Id"]
    theirs.accept_handshake(HandshakeId=again)


def test_an_account_is_in_one_organisation_alone(house: House, client: Make) -> None:
    account = house.stranger()
    target = {"Id": account, "Type": "ACCOUNT"}
    id = house.organizations.invite_account_to_organization(Target=target)["Handshake"]["Id"]
    theirs = client("organizations", account=account)
    theirs.create_organization()
    assert reason(theirs.accept_handshake, HandshakeId=id) == (
        "HandshakeConstraintViolationException",
        "ALREADY_IN_AN_ORGANIZATION",
    )
    assert reason(
        house.organizations.invite_account_to_organization,
        Target={"Id": "12345", "Type": "ACCOUNT"},
    ) == ("InvalidInputException", "INVALID_PATTERN_TARGET_ID")


# --- policies


def test_a_policy_is_kept_told_of_changed_and_deleted(house: House) -> None:
    organizations = house.organizations
    id = house.policy(deny("s3:*"), name="no buckets")
    told = organizations.describe_policy(PolicyId=id)["Policy"]
    assert told["PolicySummary"]["Arn"] == (
        f"arn:aws:organizations::{house.account}:policy/{house.id}/service_control_policy/{id}"
    )
    assert told["Content"] == written(deny("s3:*"))
    taken = (
        "DuplicatePolicyException",
        "A policy with the specified name and type already exists.",
    )
    same = {"Description": "", "Type": SCP, "Content": written(allow("*"))}
    assert refusal(organizations.create_policy, Name="no buckets", **same) == taken
    other = house.policy(allow("*"), name="other")
    assert refusal(organizations.update_policy, PolicyId=other, Name="no buckets") == taken
    changed = organizations.update_policy(PolicyId=id, Name="new", Description="why")["Policy"]
    assert changed["PolicySummary"]["Name"] == "new"
    assert changed["Content"] == told["Content"]
    listed = paged(organizations.list_policies, "Policies", Filter=SCP)
    assert [one["Id"] for one in listed] == [FULL, *sorted([id, other])]
    organizations.delete_policy(PolicyId=id)
    assert refusal(organizations.describe_policy, PolicyId=id)[0] == "PolicyNotFoundException"


def test_what_aws_manages_cannot_be_changed(house: House) -> None:
    organizations = house.organizations
    told = organizations.describe_policy(PolicyId=FULL)["Policy"]["PolicySummary"]
    assert told["Arn"] == (
        "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    )
    assert told["AwsManaged"]
    immutable = ("InvalidInputException", "IMMUTABLE_POLICY")
    assert reason(organizations.update_policy, PolicyId=FULL, Name="x") == immutable
    assert reason(organizations.delete_policy, PolicyId=FULL) == immutable
    house.enable(RCP)
    assert reason(
        organizations.detach_policy, PolicyId="p-RCPFullAWSAccess", TargetId=house.root
    ) == ("InvalidInputException", "NON_DETACHABLE_POLICY")


def everyone(*statements: dict[str, object]) -> str:
    return written(*({"Principal": "*", **one} for one in statements))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SCP, "no policy"),
        (SCP, "{}"),
        (SCP, '{"Version":"2012-10-17","Statement":[]}'),
        (SCP, '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'),
        (SCP, everyone(deny("s3:*"))),
        (SCP, written({"Effect": "Deny", "Action": "*"})),
        (SCP, written({"Effect": "Perhaps", "Action": "*", "Resource": "*"})),
        (SCP, written({"Effect": "Deny", "NotPrincipal": "*", "Action": "*", "Resource": "*"})),
        (SCP, written(deny("s3:*", Condition={"StringSeems": {"aws:username": "ann"}}))),
        (RCP, written(deny("s3:*"))),
        (RCP, everyone(allow("s3:*"))),
        (RCP, everyone(deny("*"))),
        (RCP, written(deny("s3:*", Principal={"AWS": "000000000001"}))),
        (RCP, written({"Effect": "Deny", "NotPrincipal": "*", "Action": "s3:*", "Resource": "*"})),
        (RCP, everyone({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"})),
    ],
)
def test_a_policy_that_is_none_is_refused(house: House, kind: str, content: str) -> None:
    asked = {"Name": "bad", "Description": "", "Type": kind, "Content": content}
    assert refusal(house.organizations.create_policy, **asked) == (
        "MalformedPolicyDocumentException",
        "The provided policy document does not meet the requirements of the specified policy type.",
    )


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SCP, written(deny("s3:*", Sid="with a space"))),
        (SCP, written({"Effect": "Deny", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::a"})),
        (SCP, written(allow(["s3:Get*", "ec2:*Instance*"]))),
        (RCP, everyone(deny("s3:*"))),
        (RCP, written(deny("sts:AssumeRole", Principal={"AWS": "*"}))),
    ],
)
def test_what_the_syntax_allows_is_taken(house: House, kind: str, content: str) -> None:
    asked = {"Name": "good", "Description": "", "Type": kind, "Content": content}
    house.organizations.create_policy(**asked)


def test_policies_have_a_size(house: House) -> None:
    for kind, most in ((SCP, 10_240), (RCP, 5_120)):
        text = written(deny("s3:*", **({"Principal": "*"} if kind == RCP else {})))
        asked = {"Name": "large", "Description": "", "Type": kind}
        too_large = text + " " * (most + 1 - len(text))
        assert reason(house.organizations.create_policy, **asked, Content=too_large) == (
            "ConstraintViolationException",
            "POLICY_CONTENT_LIMIT_EXCEEDED",
        )
        house.organizations.create_policy(**asked, Content=too_large[:-1])


def test_types_that_nothing_would_obey_are_refused_by_name(house: House) -> None:
    for kind in ("TAG_POLICY", "BACKUP_POLICY"):
        said = refusal(house.organizations.enable_policy_type, RootId=house.root, PolicyType=kind)
        assert said == (
            "NotImplemented",
            f"pilvi does not implement organization policies of the type {kind} yet.",
        )


# --- where policies hold


def test_enabling_attaches_what_allows_everything_and_disabling_detaches_all(house: House) -> None:
    organizations, unit, member = house.organizations, house.unit("u"), house.member()
    own = house.policy(deny("s3:*"))
    assert refusal(organizations.attach_policy, PolicyId=own, TargetId=unit) == (
        "PolicyTypeNotEnabledException",
        "This operation can be performed only for enabled policy types.",
    )
    disable = organizations.disable_policy_type
    assert refusal(disable, RootId=house.root, PolicyType=SCP)[0] == (
        "PolicyTypeNotEnabledException"
    )
    house.enable()
    assert refusal(organizations.enable_policy_type, RootId=house.root, PolicyType=SCP)[0] == (
        "PolicyTypeAlreadyEnabledException"
    )
    assert refusal(organizations.enable_policy_type, RootId="r-zzzz", PolicyType=RCP)[0] == (
        "RootNotFoundException"
    )
    later, newcomer = house.unit("later"), house.member()
    everywhere = {house.root, unit, member, house.account, later, newcomer}

    def targets(policy: str) -> set[str]:
        found = paged(organizations.list_targets_for_policy, "Targets", PolicyId=policy)
        assert {one["Type"] for one in found} <= {"ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"}
        return {str(one["TargetId"]) for one in found}

    assert targets(FULL) == everywhere
    house.attach(own, unit)
    listed = organizations.list_policies_for_target(TargetId=unit, Filter=SCP)["Policies"]
    assert {one["Id"] for one in listed} == {FULL, own}
    assert organizations.list_policies_for_target(TargetId=unit, Filter=RCP)["Policies"] == []
    assert refusal(organizations.delete_policy, PolicyId=own)[0] == "PolicyInUseException"
    disable(RootId=house.root, PolicyType=SCP)
    assert targets(FULL) == targets(own) == set()
    organizations.delete_policy(PolicyId=own)


def test_attachments_have_rules(house: House) -> None:
    organizations, unit = house.organizations, house.unit("u")
    house.enable()
    policies = [house.policy(deny("s3:*")) for _ in range(10)]
    for policy in policies[:9]:
        house.attach(policy, unit)
    attach, detach = organizations.attach_policy, organizations.detach_policy
    assert reason(attach, PolicyId=policies[9], TargetId=unit) == (
        "ConstraintViolationException",
        "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
    )
    assert refusal(attach, PolicyId=policies[0], TargetId=unit)[0] == (
        "DuplicatePolicyAttachmentException"
    )
    assert refusal(detach, PolicyId=policies[9], TargetId=unit)[0] == "PolicyNotAttachedException"
    assert refusal(attach, PolicyId="p-00000000", TargetId=unit)[0] == "PolicyNotFoundException"
    assert refusal(attach, PolicyId=FULL, TargetId=house.stranger())[0] == (
        "TargetNotFoundException"
    )
    for policy in [FULL, *policies[:8]]:
        detach(PolicyId=policy, TargetId=unit)
    assert reason(detach, PolicyId=policies[8], TargetId=unit) == (
        "ConstraintViolationException",
        "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
    )


def test_tags_of_everything(house: House) -> None:
    organizations, unit, member = house.organizations, house.unit("u"), house.member()
    for id in (house.root, unit, member, house.policy(deny("s3:*"))):
        tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
        organizations.tag_resource(ResourceId=id, Tags=tags)
        organizations.tag_resource(ResourceId=id, Tags=[{"Key": "a", "Value": "2"}])
        organizations.untag_resource(ResourceId=id, TagKeys=["b", "none"])
        found = organizations.list_tags_for_resource(ResourceId=id)["Tags"]
        assert found == [{"Key": "a", "Value": "2"}]
    assert refusal(organizations.list_tags_for_resource, ResourceId=house.stranger())[0] == (
        "TargetNotFoundException"
    )
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    assert reason(organizations.tag_resource, ResourceId=unit, Tags=twice) == (
        "InvalidInputException",
        "DUPLICATE_TAG_KEY",
    )


# --- permissions of its own


def test_permissions_are_about_whole_arns_types_and_tags(house: House) -> None:
    """Requests name ids; policies name ARNs with the organisation in them."""
    unit, other = house.unit("u"), house.unit("other")
    house.enable()
    policy, rcp = house.policy(deny("s3:*")), "p-RCPFullAWSAccess"
    house.organizations.tag_resource(ResourceId=unit, Tags=[{"Key": "team", "Value": "a"}])
    own = f"arn:aws:organizations::{house.account}"
    may = written(
        {
            "Effect": "Allow",
            "Action": "organizations:AttachPolicy",
            "Resource": [
                f"{own}:policy/{house.id}/service_control_policy/{policy}",
                "arn:aws:organizations::aws:policy/*",
                f"{own}:ou/{house.id}/{unit}",
            ],
            "Condition": {"StringEquals": {"organizations:PolicyType": SCP}},
        },
        allow(
            "organizations:DescribeOrganizationalUnit",
            Condition={"StringEquals": {"aws:ResourceTag/team": "a"}},
        ),
    )
    iam = house.client("iam", house.account)
    iam.create_user(UserName="bob")
    iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=may)
    key = iam.create_access_key(UserName="bob")["AccessKey"]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    bob = house.client("organizations", house.account, **keys)
    bob.attach_policy(PolicyId=policy, TargetId=unit)
    denied = "AccessDeniedException"
    assert refusal(bob.attach_policy, PolicyId=policy, TargetId=other)[0] == denied
    assert refusal(bob.attach_policy, PolicyId=rcp, TargetId=unit)[0] == denied
    bob.describe_organizational_unit(OrganizationalUnitId=unit)
    code, message = refusal(bob.describe_organizational_unit, OrganizationalUnitId=other)
    assert code == denied
    assert f"on resource: {own}:ou/{house.id}/{other} because" in message
