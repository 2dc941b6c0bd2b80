"""Login profiles and the account's password policy, over the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from iam.refusals import refused
from pilvi.base.entropy import Entropy
from pilvi.base.errors import AwsError
from pilvi.services.iam.proofs import passwords, tries
from pilvi.services.iam.proofs.password_policies import PasswordPolicy
from servers import Server

Make = Callable[..., Any]
DEFAULT = "Password does not conform to the account password policy."
DAY = 24 * 3600
ALLOW = {"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "*"}


def _ann(client: Make, **profile: Any) -> Any:
    """A client of the user ann, who may do nothing yet."""
    iam = client("iam")
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="Old-Pass-1", **profile)
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    return client(
        "iam",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def test_a_login_profile_comes_and_goes(client: Make) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    missing = "Login Profile for User ann cannot be found."
    for act in (iam.get_login_profile, iam.update_login_profile, iam.delete_login_profile):
        with refused("NoSuchEntity", missing, 404):
            act(UserName="ann")
    with refused("NoSuchEntity", "The user with name bob cannot be found.", 404):
        iam.create_login_profile(UserName="bob", Password="Old-Pass-1")
    made = iam.create_login_profile(
        UserName="ann", Password="Old-Pass-1", PasswordResetRequired=True
    )["LoginProfile"]
    assert iam.get_login_profile(UserName="ann")["LoginProfile"] == made
    assert (made["UserName"], made["PasswordResetRequired"]) == ("ann", True)
    with refused("EntityAlreadyExists", "Login Profile for user ann already exists.", 409):
        iam.create_login_profile(UserName="ann", Password="Old-Pass-1")
    iam.update_login_profile(UserName="ann", PasswordResetRequired=False)
    iam.update_user(UserName="ann", NewUserName="anna")
    assert not iam.get_login_profile(UserName="anna")["LoginProfile"]["PasswordResetRequired"]
    with refused("DeleteConflict", "Cannot delete entity, must delete login profile first.", 409):
        iam.delete_user(UserName="anna")
    iam.delete_login_profile(UserName="anna")
    iam.delete_user(UserName="anna")


# Whoever knows the old password, and may, has a new one; whoever does not know it, has not.
def test_users_change_their_own_password(client: Make) -> None:
    mine = _ann(client, PasswordResetRequired=True)
    iam = client("iam")
    with refused("AccessDenied", status=403):
        mine.change_password(OldPassword="Old-Pass-1", NewPassword="New-Pass-1")
    document = json.dumps({"Version": "2012-10-17", "Statement": ALLOW})
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document)
    with refused("AccessDenied", "The old password was incorrect.", 403):
        mine.change_password(OldPassword="old-Pass-1", NewPassword="New-Pass-1")
    with refused("PasswordPolicyViolation", DEFAULT, 400):
        mine.change_password(OldPassword="Old-Pass-1", NewPassword="new")
    mine.change_password(OldPassword="Old-Pass-1", NewPassword="New-Pass-1")
    assert not iam.get_login_profile(UserName="ann")["LoginProfile"]["PasswordResetRequired"]
    with refused("AccessDenied", "The old password was incorrect.", 403):
        mine.change_password(OldPassword="Old-Pass-1", NewPassword="New-Pass-2")
    with refused("InvalidUserType", "Only IAM Users can change their own password", 400):
        iam.change_password(OldPassword="New-Pass-1", NewPassword="New-Pass-2")


# Nobody finds a password by trying: after five wrong ones the right one is refused, too.
def test_passwords_are_not_found_by_trying(client: Make, clock: Any) -> None:
    mine = _ann(client)
    client("iam").update_account_password_policy(AllowUsersToChangePassword=True)
    clock.freeze()

    def guess(number: int) -> None:
        with refused("AccessDenied", "The old password was incorrect.", 403):
            mine.change_password(OldPassword=f"guess-{number}", NewPassword="New-Pass-1")

    with ThreadPoolExecutor(5) as guessers:
        list(guessers.map(guess, range(5)))
    with refused("AccessDenied", "The old password was incorrect.", 403):
        mine.change_password(OldPassword="Old-Pass-1", NewPassword="New-Pass-1")
    clock.advance(seconds=600)
    mine.change_password(OldPassword="Old-Pass-1", NewPassword="New-Pass-1")


# The policy lets all users change their own password, and no other's; nothing else comes with it.
def test_a_policy_may_let_everybody_change(client: Make) -> None:
    mine = _ann(client)
    iam = client("iam")
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    mine.change_password(OldPassword="Old-Pass-1", NewPassword="newnew")
    assert mine.get_account_password_policy()["PasswordPolicy"]["AllowUsersToChangePassword"]
    with refused("AccessDenied"):
        mine.update_login_profile(UserName="ann", Password="newnewnew")
    iam.update_account_password_policy()
    with refused("AccessDenied"):
        mine.change_password(OldPassword="newnew", NewPassword="newnew2")


def test_the_last_passwords_are_not_used_again(client: Make) -> None:
    iam = client("iam")
    iam.update_account_password_policy(PasswordReusePrevention=2)
    iam.create_user(UserName="ann")
    iam.create_login_profile(UserName="ann", Password="first-1")
    with refused("PasswordPolicyViolation"):
        iam.update_login_profile(UserName="ann", Password="first-1")
    iam.update_login_profile(UserName="ann", Password="second-2")
    with refused("PasswordPolicyViolation"):
        iam.update_login_profile(UserName="ann", Password="first-1")
    iam.update_login_profile(UserName="ann", Password="third-3")
    iam.update_login_profile(UserName="ann", Password="first-1")


# A password that is too old can still be changed; with a hard expiry only an administrator helps.
def test_passwords_grow_old(own_server: Callable[..., Server]) -> None:
    server = own_server()
    account = "1" * 12

    def client(service: str, **config: Any) -> Any:
        return server.client(service, account, **config)

    mine = _ann(client)
    iam = client("iam")
    iam.update_account_password_policy(
        AllowUsersToChangePassword=True, MaxPasswordAge=30, HardExpiry=True
    )
    server.ask("POST", "/_pilvi/clock", {"action": "advance", "by_ms": 30 * DAY * 1000})
    with refused("PasswordPolicyViolation", status=400):
        mine.change_password(OldPassword="Old-Pass-1", NewPassword="New-Pass-1")
    iam.update_account_password_policy(AllowUsersToChangePassword=True, MaxPasswordAge=30)
    mine.change_password(OldPassword="Old-Pass-1", NewPassword="New-Pass-1")
    # Nothing of a password is on disk, nor in what the server says.
    assert server.stop() == 0
    for file in server.data.rglob("*"):
        if file.is_file():
            assert b"-Pass-1" not in file.read_bytes(), file


def test_the_policy_is_told_as_it_was_set(client: Make, account: str) -> None:
    iam = client("iam")
    missing = f"The Password Policy with domain name {account} cannot be found."
    with refused("NoSuchEntity", missing, 404):
        iam.get_account_password_policy()
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True)
    iam.update_account_password_policy(MaxPasswordAge=90, PasswordReusePrevention=5)
    assert iam.get_account_password_policy()["PasswordPolicy"] == {
        "MinimumPasswordLength": 6,
        "RequireSymbols": False,
        "RequireNumbers": False,
        "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False,
        "AllowUsersToChangePassword": False,
        "ExpirePasswords": True,
        "MaxPasswordAge": 90,
        "PasswordReusePrevention": 5,
        "HardExpiry": False,
    }
    with refused("ValidationError"):
        iam.update_account_password_policy(MinimumPasswordLength=5)
    iam.delete_account_password_policy()
    with refused("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found."):
        iam.delete_account_password_policy()


# A password that the model forbids is refused without being told.
def test_refusals_do_not_tell_passwords(client: Make) -> None:
    iam = client("iam")
    iam.create_user(UserName="ann")
    for password in ("secret\u0001word", "secretword" * 13):
        with pytest.raises(iam.exceptions.ClientError) as refusal:
            iam.create_login_profile(UserName="ann", Password=password)
        assert refusal.value.response["Error"]["Code"] == "ValidationError"
        assert "secret" not in str(refusal.value)


DEMANDING = PasswordPolicy(length_min=10, upper=True, lower=True, numbers=True, symbols=True)


@pytest.mark.parametrize(
    ("policy", "password", "wrong"),
    [
        (None, "Abcdef-1", ""),
        (None, "abcdef-1", ""),
        (None, "abcdefg1", DEFAULT),
        (None, "Abcd-12", DEFAULT),
        (None, "My-Account-1", DEFAULT),
        (PasswordPolicy(), "aaaaaa", ""),
        (PasswordPolicy(), "aaaaa", "Password should have a minimum length of 6"),
        (DEMANDING, "Abcdefg-12", ""),
        (DEMANDING, "Abcdef-12", "Password should have a minimum length of 10"),
        (DEMANDING, "abcdefg-12", "Password should have at least one uppercase letter"),
        (DEMANDING, "ÀBCDEFG-12", "Password should have at least one lowercase letter"),
        (DEMANDING, "Abcdefg-xy", "Password should have at least one number"),
        (DEMANDING, "Abcdefg 12", "Password should have at least one symbol"),
    ],
)
def test_what_policies_demand(policy: PasswordPolicy | None, password: str, wrong: str) -> None:
    said = ""
    try:
        passwords.check(policy, password, ["111122223333", "my-account-1"])
    except AwsError as error:
        said = error.text
    assert said == wrong


def test_hashes_are_salted_and_tell_nothing() -> None:
    async def run() -> None:
        one, two = [await passwords.hashed("pässword", Entropy()) for _ in range(2)]
        assert one.digest != two.digest
        assert "digest" not in repr(one)
        assert await passwords.is_any_of("pässword", [two])
        assert not await passwords.is_any_of("passwörd", [one])

    asyncio.run(run())


def test_tries_are_counted_until_their_time_is_over() -> None:
    counted = tries.Tries(2, 1000)
    counted.note_wrong("a", 0)
    counted.note_wrong("a", 999)
    assert not counted.may_try("a", 999)
    assert counted.may_try("b", 999)
    assert counted.may_try("a", 1000)
    counted.note_wrong("b", 0)
    counted.take_back("b", 0)
    counted.note_wrong("b", 0)
    assert counted.may_try("b", 0)
