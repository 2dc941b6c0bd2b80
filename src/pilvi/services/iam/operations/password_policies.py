"""The account's password policy."""

from __future__ import annotations

from pilvi.kit.call import Call
from pilvi.services.iam import errors, limits, records
from pilvi.services.iam.proofs import password_policies
from pilvi.services.iam.proofs.password_policies import PASSWORD_POLICIES, PasswordPolicy
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    GetAccountPasswordPolicyResponse,
    UpdateAccountPasswordPolicyRequest,
)
from pilvi.services.iam.wire import PasswordPolicy as WirePolicy
from pilvi.store.api import Snapshot, Transaction


@iam.write("UpdateAccountPasswordPolicy")
def update_account_password_policy(
    call: Call, tx: Transaction, req: UpdateAccountPasswordPolicyRequest
) -> None:
    """Replace the policy; what the request leaves out goes back to its default. Holds for passwords set from now on,
    but for the age, which holds for all.

    AWS: UpdateAccountPasswordPolicy; IAM User Guide, "Set an account password policy for IAM users".
    """
    policy = PasswordPolicy(
        length_min=req.get("MinimumPasswordLength", limits.PASSWORD_LENGTH_DEFAULT),
        symbols=req.get("RequireSymbols", False),
        numbers=req.get("RequireNumbers", False),
        upper=req.get("RequireUppercaseCharacters", False),
        lower=req.get("RequireLowercaseCharacters", False),
        users_may_change=req.get("AllowUsersToChangePassword", False),
        age_days_max=req.get("MaxPasswordAge"),
        reuse_prevented=req.get("PasswordReusePrevention"),
        hard_expiry=req.get("HardExpiry", False),
    )
    PASSWORD_POLICIES.put(tx, records.home_of(call.scope), policy)


@iam.read("GetAccountPasswordPolicy")
def get_account_password_policy(
    call: Call, at: Snapshot, req: object
) -> GetAccountPasswordPolicyResponse:
    """Raises: NoSuchEntity (none was set). AWS: GetAccountPasswordPolicy."""
    policy = password_policies.find(at, call.scope)
    if policy is None:
        raise errors.NoSuchEntity(
            detail=f"The Password Policy with domain name {call.account} cannot be found."
        )
    told: WirePolicy = {
        "MinimumPasswordLength": policy.length_min,
        "RequireSymbols": policy.symbols,
        "RequireNumbers": policy.numbers,
        "RequireUppercaseCharacters": policy.upper,
        "RequireLowercaseCharacters": policy.lower,
        "AllowUsersToChangePassword": policy.users_may_change,
        "ExpirePasswords": policy.age_days_max is not None,
        "HardExpiry": policy.hard_expiry,
    }
    if policy.age_days_max is not None:
        told["MaxPasswordAge"] = policy.age_days_max
    if policy.reuse_prevented is not None:
        told["PasswordReusePrevention"] = policy.reuse_prevented
    return {"PasswordPolicy": told}


@iam.write("DeleteAccountPasswordPolicy")
def delete_account_password_policy(call: Call, tx: Transaction, req: object) -> None:
    """Raises: NoSuchEntity (none was set). AWS: DeleteAccountPasswordPolicy."""
    if PASSWORD_POLICIES.delete(tx, records.home_of(call.scope)) is None:
        raise errors.NoSuchEntity(
            detail="The account policy with name PasswordPolicy cannot be found."
        )
