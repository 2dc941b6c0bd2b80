"""`contracts.advice.Administrators`: keys for the person who runs the cloud, where no other key would do.

They are of a user, `administrator`, with AdministratorAccess, rather than of root: what a user does can be told from
what others do, its keys can be changed and taken away through IAM, a boundary can hold it, and root stays for what only
root may. AWS: IAM User Guide, "Root user best practices for your AWS account".
"""

from __future__ import annotations

from pilvi.base.arn import GLOBAL_REGION, Scope
from pilvi.kit.cloud import Cloud
from pilvi.services.iam import errors, limits, records
from pilvi.services.iam.records import Root, User
from pilvi.services.iam.sessions import tokens
from pilvi.store.api import Transaction

NAME = "administrator"
POLICY_ARN = "arn:aws:iam::aws:policy/AdministratorAccess"


class IamAdministrators:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def first_key(self, account: str) -> tuple[str, str] | None:
        """None where anybody in the account has a lasting key already."""
        scope = Scope(account, GLOBAL_REGION)

        def issue(tx: Transaction) -> tuple[str, str] | None:
            root = records.get_root(tx, scope)
            if root.access_key_ids or any(u.access_key_ids for u in records.all_users(tx, scope)):
                return None
            return self._issue(tx, scope, self._administrator(tx, scope))

        return await self._cloud.store.write(issue)

    async def another_key(self, account: str, *, root: bool, replace: bool) -> tuple[str, str]:
        """Raises: LimitExceeded."""
        scope = Scope(account, GLOBAL_REGION)

        def issue(tx: Transaction) -> tuple[str, str]:
            holder = records.get_root(tx, scope) if root else self._administrator(tx, scope)
            if len(holder.access_key_ids) >= limits.ACCESS_KEYS_PER_USER:
                if not replace:
                    raise errors.LimitExceeded(
                        quota="AccessKeysPerUser", limit=limits.ACCESS_KEYS_PER_USER
                    )
                self._retire_oldest(tx, scope, holder)
            return self._issue(tx, scope, holder)

        return await self._cloud.store.write(issue)

    def _administrator(self, tx: Transaction, scope: Scope) -> User:
        """The user, made or given its policy where it has to be."""
        user = records.USERS.find(tx, records.home_of(scope), NAME)
        if user is None:
            entropy, clock = self._cloud.entropy, self._cloud.clock
            user = User(
                name=NAME, path="/", id="AIDA" + entropy.upper(17), created_at_ms=clock.now_ms()
            )
        if POLICY_ARN not in user.attached:
            records.put_attachment(tx, scope, "user", user, POLICY_ARN)
        return user

    def _retire_oldest(self, tx: Transaction, scope: Scope, holder: User | Root) -> None:
        gone, *kept = holder.access_key_ids
        holder.access_key_ids = kept
        records.put_key_holder(tx, scope, holder)
        issued = records.find_issued(tx, gone)
        assert issued is not None, gone
        tokens.retire_key(tx, issued, now_ms=self._cloud.clock.now_ms())

    def _issue(self, tx: Transaction, scope: Scope, holder: User | Root) -> tuple[str, str]:
        now_ms = self._cloud.clock.now_ms()
        issued = tokens.Issuer(self._cloud).key(tx, scope, holder, now_ms=now_ms)
        return issued.access_key_id, issued.secret_access_key
