"""Who asks: the principal behind a request.

Says nothing of what a principal may do; that is `authorise.py`.
"""

from __future__ import annotations

import msgspec

from pilvi.base.arn import PARTITION
from pilvi.contracts.credentials import Credential, Session


class Principal(msgspec.Struct, frozen=True):
    """The identity a request acts under.

    `arn` and `id` are what GetCallerIdentity tells. `is_root`: the account's root user, whom no policy of the
    account limits. `verified`: False for keys of the open mode, whose signature nobody can check.
    """

    account: str
    arn: str
    id: str
    access_key_id: str = ""
    is_root: bool = False
    role_arn: str | None = None
    session_name: str | None = None
    session: Session | None = None
    """Of whoever holds temporary credentials."""
    authenticated: bool = True
    verified: bool = True
    service: str = ""
    """A service of the cloud on its own behalf ("logs"): only the policies of resources speak for it."""
    made_up: bool = False
    """A role that does not exist (open mode): nobody can say what it may, so it acts as its account's root."""

    @property
    def is_session(self) -> bool:
        """An assumed role, rather than a user or root."""
        return self.role_arn is not None

    @property
    def is_federated(self) -> bool:
        """A session of GetFederationToken."""
        return self.session is not None and self.session.issuer_arn != ""


ANONYMOUS = Principal(account="", arn="", id="", authenticated=False, verified=False)
"""Nobody in particular: a request that carries no credentials at all."""


def root_arn(account: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:root"


def root_of(account: str, access_key_id: str) -> Principal:
    """The account's root user as the open mode lends it to a key that this cloud did not issue."""
    return Principal(
        account=account,
        arn=root_arn(account),
        id=account,
        access_key_id=access_key_id,
        is_root=True,
        verified=False,
    )


def service_itself(name: str) -> Principal:
    """A service that acts on nobody's behalf but its own. Never made from a request of outside."""
    arn = f"{name}.amazonaws.com"
    return Principal(account="", arn=arn, id=arn, service=name)


def holder_of(credential: Credential) -> Principal:
    """The principal that an issued key belongs to."""
    role_arn = credential.role_arn
    return Principal(
        account=credential.account,
        arn=credential.principal_arn,
        id=credential.principal_id,
        access_key_id=credential.access_key_id,
        is_root=credential.principal_arn == root_arn(credential.account),
        role_arn=role_arn,
        session_name=credential.principal_arn.rpartition("/")[2] if role_arn else None,
        session=credential.session,
        made_up=credential.made_up,
    )
