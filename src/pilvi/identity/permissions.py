"""What a decision is made of: what stands for a principal, what stands on the resource's side, what the request tells.

The services that keep policies answer for them: IAM for principals (`PermissionsOf`), the owner of a resource for its
policy (`ResourceSide`). Whoever asks is `kit/permission.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from pilvi.base.errors import NotBuilt
from pilvi.base.http import HttpRequest
from pilvi.identity.actions import keys_about
from pilvi.identity.principal import Principal
from pilvi.languages.policy import ANONYMOUS, Document, Kind, ResourceSide, family_of
from pilvi.languages.policy import Principal as PolicyPrincipal


class Permissions(msgspec.Struct, frozen=True):
    """What an account says of one of its principals. `principal`: as policies know it. `session`: policies that were
    passed with temporary credentials. `tags`: aws:PrincipalTag."""

    principal: PolicyPrincipal
    identity: tuple[Document, ...] = ()
    boundary: Document | None = None
    session: tuple[Document, ...] = ()
    tags: Mapping[str, str] = {}


NOBODYS = Permissions(ANONYMOUS)


class PermissionsOf(Protocol):
    """Answered by IAM for every request of a user or a role: never stale, and cheap when nothing has changed."""

    def permissions_of(self, principal: Principal) -> Awaitable[Permissions]:
        """Nothing at all for a user or a role that is gone."""
        ...

    def known(self, principal: Principal) -> Permissions | None:
        """The same without waiting, where it is in memory."""
        ...


class OnResource(msgspec.Struct, frozen=True):
    """What stands on the resource's side. `account`: whose it is; "" for the one who asks. `arn`: its true one, where
    the request named it by another (an alias). `context`: the condition keys that the resource itself tells.
    `spared`: no resource control policy holds for it (a key that AWS manages). `behind`: the ARN of what it leads to,
    which is asked for as well, and told `passed` of this one (the bucket behind an access point)."""

    account: str = ""
    policies: tuple[Document, ...] = ()
    side: ResourceSide = ResourceSide.ORDINARY
    arn: str = ""
    context: Mapping[str, tuple[str, ...]] = {}
    spared: bool = False
    behind: str = ""
    passed: Mapping[str, tuple[str, ...]] = {}


def roots(principal: Principal) -> Permissions:
    """The root of an account needs no policies; whoever acts as one is known to policies as root."""
    return Permissions(
        PolicyPrincipal(
            Kind.ROOT,
            account=principal.account,
            arn=principal.arn,
            unique_id=principal.id.partition(":")[0],
        )
    )


def services(principal: Principal, region: str) -> Permissions:
    """A service on its own behalf has no policies of its own; resources' policies know it by two names."""
    name = principal.service
    names = (f"{name}.amazonaws.com", f"{name}.{region}.amazonaws.com")
    return Permissions(PolicyPrincipal(Kind.SERVICE, services=names))


class RequestContext(Mapping[str, tuple[str, ...]]):
    """The condition keys of one request, in lower case, made when a policy asks for them.

    A key that AWS would tell and pilvi cannot is refused by name: taken for absent, it could let somebody in.
    AWS: IAM User Guide, "AWS global condition context keys".
    """

    __slots__ = (
        "_account",
        "_action",
        "_known",
        "_now_ms",
        "_permissions",
        "_principal",
        "_region",
        "_request",
        "_specific",
    )

    def __init__(
        self,
        principal: Principal,
        permissions: Permissions,
        now_ms: int,
        region: str,
        request: HttpRequest | None,
        resource_account: str,
        action: str,
        specific: Mapping[str, tuple[str, ...]],
        known: AbstractSet[str],
    ) -> None:
        """`request`: None for calls from inside. `specific`: keys of the action's service that the request has,
        `known`: those of which this could be said."""
        self._action = action
        self._known = known
        self._principal = principal
        self._permissions = permissions
        self._now_ms = now_ms
        self._region = region
        self._request = request
        self._account = resource_account
        self._specific = specific

    def __getitem__(self, key: str) -> tuple[str, ...]:
        if key in self._specific:
            return self._specific[key]
        if key.startswith("aws:principaltag/"):
            name = key.removeprefix("aws:principaltag/")
            values = tuple(v for tag, v in self._permissions.tags.items() if tag.lower() == name)
            if values:
                return values  # several, where tags differ by case alone: an Allow needs all to be right
            raise KeyError(key)
        if key == "aws:principalservicenameslist" and self._principal.service:
            return self._permissions.principal.services
        make = _GLOBAL.get(key)
        if make is None:
            self._refuse_unbuilt(key)
        value = None if make is None else make(self)
        if value is None:
            raise KeyError(key)
        return (value,)

    def _refuse_unbuilt(self, key: str) -> None:
        """Raises: NotBuilt."""
        family = family_of(key)
        if key in _ABSENT or key in self._known or family in self._known:
            return
        if family in _OF_REQUESTS and "aws:tagkeys" in self._specific:
            return  # the request could have tags, and has none such
        if family in _TAGS or not key.startswith("aws:"):
            told = keys_about(self._action)
            if told is not None and key not in told and family not in told:
                return  # AWS tells no such key of the action either
            if told is None and key.partition(":")[0] not in (
                "aws",
                self._action.partition(":")[0],
            ):
                return
        raise NotBuilt(what=f"the condition key {key} in policies about {self._action}")

    def __iter__(self) -> Iterator[str]:
        tags = (f"aws:principaltag/{tag.lower()}" for tag in self._permissions.tags)
        names = dict.fromkeys((*self._specific, *tags, *_GLOBAL))
        return (name for name in names if self.get(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    # The global keys, by name; None where the request has no such key.

    def current_time(self) -> str:
        return _instant(self._now_ms)

    def epoch_time(self) -> str:
        return str(self._now_ms // 1000)

    def source_ip(self) -> str | None:
        return None if self._request is None else self._request.client_host or None

    def secure_transport(self) -> str:
        return "true" if self._request is not None and self._request.secure else "false"

    def user_agent(self) -> str | None:
        return None if self._request is None else self._request.headers.get("user-agent")

    def referer(self) -> str | None:
        return None if self._request is None else self._request.headers.get("referer")

    def principal_arn(self) -> str | None:
        """A session's is its role's; a service has none."""
        if self._principal.service:
            return None
        return self._principal.role_arn or self._principal.arn or None

    def principal_account(self) -> str | None:
        return self._principal.account or None

    def principal_type(self) -> str:
        principal = self._principal
        if not principal.authenticated:
            return "Anonymous"
        if principal.service:
            return "Service"
        if principal.is_root:
            return "Account"
        if principal.is_federated:
            return "FederatedUser"
        return "AssumedRole" if principal.role_arn else "User"

    def user_id(self) -> str | None:
        return None if self._principal.service else self._principal.id or None

    def user_name(self) -> str | None:
        """Users have one; root, sessions of roles and federated users have not."""
        _, user, path = self._principal.arn.partition(":user/")
        return path.rpartition("/")[2] if user else None

    def region(self) -> str:
        return self._region

    def resource_account(self) -> str | None:
        return self._account or None

    def is_aws_service(self) -> str:
        return "true" if self._principal.service else "false"

    def service_name(self) -> str | None:
        name = self._principal.service
        return f"{name}.amazonaws.com" if name else None

    def via_service(self) -> str:
        """Where a service asks for somebody, the service that is asked tells so itself."""
        return "false"

    # Of temporary credentials only; lasting keys have no such keys at all.

    def multi_factor(self) -> str | None:
        session = self._principal.session
        return None if session is None else "false" if session.mfa_at_ms is None else "true"

    def multi_factor_age(self) -> str | None:
        """In seconds."""
        session = self._principal.session
        if session is None or session.mfa_at_ms is None:
            return None
        return str((self._now_ms - session.mfa_at_ms) // 1000)

    def token_issue_time(self) -> str | None:
        session = self._principal.session
        return None if session is None else _instant(session.issued_at_ms)

    def source_identity(self) -> str | None:
        session = self._principal.session
        return None if session is None else session.source_identity or None

    def source_function(self) -> str | None:
        """Of a function's own credentials, whatever service it asks."""
        session = self._principal.session
        source = "" if session is None else session.source_arn
        return source if ":lambda:" in source else None

    def provider(self) -> str | None:
        session = self._principal.session
        return None if session is None else session.provider or None


_OF_REQUESTS = frozenset({"aws:requesttag/*", "aws:tagkeys"})
_TAGS = _OF_REQUESTS | {"aws:resourcetag/*"}

_ABSENT = frozenset(
    {
        *("aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn", "aws:vpcsourceip"),
        *("aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"),
        *("aws:sourcearn", "aws:sourceaccount", "aws:sourceowner"),
        *("aws:sourceorgid", "aws:sourceorgpaths"),
        *("aws:principalorgid", "aws:principalorgpaths"),
        *("aws:resourceorgid", "aws:resourceorgpaths"),
        "aws:principalservicenameslist",
        *("aws:calledvia", "aws:calledviafirst", "aws:calledvialast"),
        *("aws:chatbotsourcearn", "aws:assumedroot"),
        *("aws:ec2instancesourcevpc", "aws:ec2instancesourceprivateipv4"),
    }
)
"""Keys that a request may lack: there are no VPCs; what is told of organisations (`guardrails.py`) is absent for an
account that is in none. Keys about services that ask for others are told by whoever is asked so, in
`Permission.context` or `OnResource.context`."""


def _instant(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_GLOBAL: dict[str, Callable[[RequestContext], str | None]] = {
    "aws:currenttime": RequestContext.current_time,
    "aws:epochtime": RequestContext.epoch_time,
    "aws:sourceip": RequestContext.source_ip,
    "aws:securetransport": RequestContext.secure_transport,
    "aws:useragent": RequestContext.user_agent,
    "aws:referer": RequestContext.referer,
    "aws:principalarn": RequestContext.principal_arn,
    "aws:principalaccount": RequestContext.principal_account,
    "aws:principaltype": RequestContext.principal_type,
    "aws:userid": RequestContext.user_id,
    "aws:username": RequestContext.user_name,
    "aws:requestedregion": RequestContext.region,
    "aws:resourceaccount": RequestContext.resource_account,
    "aws:principalisawsservice": RequestContext.is_aws_service,
    "aws:principalservicename": RequestContext.service_name,
    "aws:viaawsservice": RequestContext.via_service,
    "aws:multifactorauthpresent": RequestContext.multi_factor,
    "aws:multifactorauthage": RequestContext.multi_factor_age,
    "aws:tokenissuetime": RequestContext.token_issue_time,
    "aws:sourceidentity": RequestContext.source_identity,
    "aws:federatedprovider": RequestContext.provider,
    "lambda:sourcefunctionarn": RequestContext.source_function,
}
