"""May this principal do this to that? The decision over all policies that apply.

1. An explicit Deny in any policy decides.
2. Resource control and service control policies must allow, at every level of the organisation.
3. Within one account an Allow of the principal's own policies or of the resource's is enough. The principal's own are
   limited by a permissions boundary and by session policies; what the resource's policy grants is limited by them
   when it names the role or user behind a session, and not when it names the principal itself or everyone.
   Naming the account only delegates: the account's own policies must allow.
4. A key policy and a trust policy must allow in any case, the root user included; delegating is enough.
5. Across accounts both sides must allow: the resource's policy there, the principal's own policies here.
6. Services, identity providers' people and anonymous callers have the resource's policy alone.

AWS: IAM User Guide, "Policy evaluation logic", "How AWS enforcement code logic evaluates requests to allow or deny
access", "Cross-account policy evaluation logic"; KMS Developer Guide, "Key policies in AWS KMS"; Organizations User
Guide, "SCP evaluation", "RCP evaluation".
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import Enum

import msgspec

from pilvi.languages.policy.compiled import Document, Origin, Rule
from pilvi.languages.policy.principals import Grant, Kind, Principal
from pilvi.languages.policy.variables import Context


class Request(msgspec.Struct, frozen=True):
    """What is asked. Every one of `resources` must be allowed; an action without a resource names "*".

    `resource_account`: whose resources they are, or whose they will be. `context`: keys in lower case.
    """

    principal: Principal
    action: str
    resources: tuple[str, ...]
    resource_account: str
    context: Context


class ResourceSide(Enum):
    """What a resource's policy means for its own account."""

    ORDINARY = "one way among two to be allowed"
    KEY = "a key policy: without it nobody may"
    TRUST = "a role's trust policy: without it nobody may"


class Policies(msgspec.Struct, frozen=True):
    """All that applies to a request.

    `identity`: inline, managed, and of groups. `session`: none where no session policy was passed.
    `resource`: the resource's policy, and what else stands on the resource's side, as a grant written as a policy.
    `service_control`: per level from root to account, of the principal's account; `resource_control` likewise, of the
    resource's. A management account has none; nor have the resources of services that do not take part in the latter.
    """

    identity: tuple[Document, ...] = ()
    boundary: Document | None = None
    session: tuple[Document, ...] = ()
    resource: tuple[Document, ...] = ()
    resource_side: ResourceSide = ResourceSide.ORDINARY
    service_control: tuple[tuple[Document, ...], ...] = ()
    resource_control: tuple[tuple[Document, ...], ...] = ()

    def ask_for(self, keys: AbstractSet[str]) -> bool:
        """Whether any of them names one of `keys`, in lower case, or `aws:resourcetag/*` for a family."""
        if _ask(self.identity, keys) or _ask(self.resource, keys) or _ask(self.session, keys):
            return True
        if self.boundary is not None and _ask((self.boundary,), keys):
            return True
        if self.service_control or self.resource_control:
            return any(_ask(one, keys) for one in (*self.service_control, *self.resource_control))
        return False

    @property
    def conditional(self) -> bool:
        """Whether any of them asks for a key of the request's context at all, by a condition or a variable."""
        return any(one.policy.asks for one in self._all())

    def are_everywhere(self, action: str) -> bool:
        """Whether whatever they say about an action they say about every resource."""
        rules = (rule for one in self._all() for rule in one.policy.about(action.lower()))
        return all(rule.resources.always for rule in rules)

    def _all(self) -> Iterable[Document]:
        yield from (*self.identity, *self.session, *self.resource)
        if self.boundary is not None:
            yield self.boundary
        for level in (*self.service_control, *self.resource_control):
            yield from level


def _ask(documents: tuple[Document, ...], keys: AbstractSet[str]) -> bool:
    for document in documents:  # noqa: SIM110 # a generator costs more than all of the rest
        if not document.policy.asks.isdisjoint(keys):
            return True
    return False


class Layer(Enum):
    RESOURCE_CONTROL = "resource control policy"
    SERVICE_CONTROL = "service control policy"
    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"


class Verdict(Enum):
    ALLOWED = "allowed"
    EXPLICIT_DENY = "a statement denies it"
    IMPLICIT_DENY = "nothing allows it"


class Deciding(msgspec.Struct, frozen=True):
    """A statement that counted: `index` from 0 in its document."""

    layer: Layer
    origin: Origin
    index: int
    sid: str | None
    allows: bool


class Decision(msgspec.Struct, frozen=True):
    """`layer`: who refused, as AWS names one in its messages. `statements`: those that allowed, or those that denied.
    `lacking`: every layer that would have to allow and does not. `resource`: the one that was refused, or the last.
    """

    verdict: Verdict
    resource: str
    layer: Layer | None = None
    statements: tuple[Deciding, ...] = ()
    lacking: tuple[Layer, ...] = ()
    cross_account: bool = False

    @property
    def allowed(self) -> bool:
        return self.verdict is Verdict.ALLOWED


def decide(request: Request, policies: Policies) -> Decision:
    """The first refusal among the resources, or the permission for all. No resource at all is refused."""
    action = request.action.lower()
    decision = _NOTHING_ASKED
    for resource in request.resources:
        decision = _decide(request, policies, action, resource)
        if decision.verdict is not _ALLOWED:
            break
    return decision


# An enumeration's member costs more to look up than a statement to rule out.
_ALLOWED, _EXPLICIT, _IMPLICIT = Verdict.ALLOWED, Verdict.EXPLICIT_DENY, Verdict.IMPLICIT_DENY
_IDENTITY, _BOUNDARY, _SESSION = Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION
_ROOT, _FEDERATED_USER = Kind.ROOT, Kind.FEDERATED_USER
_NONE, _DELEGATED, _DIRECT = Grant.NONE, Grant.DELEGATED, Grant.DIRECT
_ORDINARY = ResourceSide.ORDINARY
_RESOURCE_LAYERS = {
    ResourceSide.ORDINARY: Layer.RESOURCE,
    ResourceSide.KEY: Layer.RESOURCE,
    ResourceSide.TRUST: Layer.TRUST,
}

_NOTHING_ASKED = Decision(_IMPLICIT, "", _IDENTITY, lacking=(_IDENTITY,))
_ROOT_KEEPS = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"})
"""What a bucket policy cannot take from the root user of the bucket's account. AWS: PutBucketPolicy."""


class _Asked(msgspec.Struct, frozen=True, gc=False):
    """One resource of a request. `action` in lower case."""

    principal: Principal
    action: str
    resource: str
    context: Context


def _decide(request: Request, policies: Policies, action: str, resource: str) -> Decision:
    """Every layer is read, in the order in which a denial is reported."""
    principal = request.principal
    asked = _Asked(principal, action, resource, request.context)
    has_account = principal.has_account
    cross = has_account and request.resource_account != principal.account
    is_root = principal.kind is _ROOT
    denies: list[Deciding] = []
    lacking: list[Layer] = []

    if policies.resource_control or policies.service_control:
        _read_organisation(policies, asked, denies, lacking)

    own = _read(policies.identity, _IDENTITY, asked, denies)

    grant, granted = _NONE, None
    if policies.resource:
        root_keeps = is_root and not cross and action in _ROOT_KEEPS
        grant, granted = _read_grants(policies, asked, [] if root_keeps else denies)
    needs_grant = cross or not has_account or policies.resource_side is not _ORDINARY
    if needs_grant and grant is _NONE:
        lacking.append(_RESOURCE_LAYERS[policies.resource_side])

    is_limited = has_account and not is_root and (cross or grant is not _DIRECT)
    needs_own = is_limited and (cross or grant is _NONE or grant is _DELEGATED)
    if needs_own and own is None:
        lacking.append(_IDENTITY)
    bounded = inside = None
    if policies.boundary is not None:
        bounded = _read((policies.boundary,), _BOUNDARY, asked, denies)
        if is_limited and bounded is None:
            lacking.append(_BOUNDARY)
    if policies.session or principal.kind is _FEDERATED_USER:
        inside = _read(policies.session, _SESSION, asked, denies)
        if is_limited and inside is None:
            lacking.append(_SESSION)

    if denies:
        return Decision(_EXPLICIT, resource, denies[0].layer, tuple(denies), (), cross)
    if lacking:
        return Decision(_IMPLICIT, resource, lacking[0], (), tuple(lacking), cross)
    counted = (granted, own if needs_own else None, *((bounded, inside) if is_limited else ()))
    allows = tuple([one for one in counted if one is not None])
    return Decision(_ALLOWED, resource, None, allows, (), cross)


def _read_organisation(
    policies: Policies, asked: _Asked, denies: list[Deciding], lacking: list[Layer]
) -> None:
    """Every level must allow by at least one of its policies."""
    principal = asked.principal
    if principal.service_linked:
        return
    limiting = [(Layer.RESOURCE_CONTROL, policies.resource_control)]
    if principal.has_account:
        limiting.append((Layer.SERVICE_CONTROL, policies.service_control))
    for layer, levels in limiting:
        allows = [_read(level, layer, asked, denies) for level in levels]
        if None in allows:
            lacking.append(layer)


def _read(
    documents: Iterable[Document], layer: Layer, asked: _Asked, denies: list[Deciding]
) -> Deciding | None:
    """The first statement that allows; those that deny are added to `denies`."""
    action, resource, context = asked.action, asked.resource, asked.context
    found: Deciding | None = None
    for document in documents:
        for rule in document.policy.about(action):
            if rule.allows and found is not None:
                break  # those that deny stand before those that allow
            plain = rule.resources.plain
            if (plain is not None and not plain(resource)) or not rule.applies(resource, context):
                continue
            if rule.grants is not None and rule.grants(asked.principal) is _NONE:
                continue
            if rule.allows:
                found = _deciding(layer, document, rule)
            else:
                denies.append(_deciding(layer, document, rule))
    return found


def _read_grants(
    policies: Policies, asked: _Asked, denies: list[Deciding]
) -> tuple[Grant, Deciding | None]:
    """The Allow that reaches furthest. A statement that names nobody allows nobody, and denies everybody.

    A Deny with NotPrincipal denies whoever has a permissions boundary, listed or not.
    """
    layer = _RESOURCE_LAYERS[policies.resource_side]
    best, found = _NONE, None
    for document in policies.resource:
        for rule in document.policy.about(asked.action):
            if rule.grants is None or (rule.spares and policies.boundary is not None):
                grant = _NONE if rule.allows else _DIRECT
            else:
                grant = rule.grants(asked.principal)
            if grant is _NONE or (rule.allows and grant <= best):
                continue
            if not rule.applies(asked.resource, asked.context):
                continue
            if rule.allows:
                best, found = grant, _deciding(layer, document, rule)
            else:
                denies.append(_deciding(layer, document, rule))
    return best, found


def _deciding(layer: Layer, document: Document, rule: Rule) -> Deciding:
    return Deciding(layer, document.origin, rule.index, rule.sid, rule.allows)
