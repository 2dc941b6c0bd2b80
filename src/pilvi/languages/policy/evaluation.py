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

from collections.abc import Iterable, Sequence
from enum import Enum

import msgspec

from pilvi.languages.policy.compiled import Document, Origin, Rule
from pilvi.languages.policy.principals import Grant, Kind, Principal
from pilvi.languages.policy.variables import Context


class Request(msgspec.Struct, frozen=True):
    """What is asked. Every one of `resources` must be allowed; an action without a resource names "*".

    `resource_account`: whose resource it is, "" for the principal's own. `context`: keys in lower case.
    """

    principal: Principal
    action: str
    resources: tuple[str, ...]
    context: Context
    resource_account: str = ""


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
    decision = Decision(Verdict.IMPLICIT_DENY, "", Layer.IDENTITY, lacking=(Layer.IDENTITY,))
    for resource in request.resources:
        decision = _decide(request, policies, action, resource)
        if decision.verdict is not Verdict.ALLOWED:
            break
    return decision


_WITHOUT_ACCOUNT = frozenset({Kind.SERVICE, Kind.WEB_IDENTITY, Kind.ANONYMOUS})
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
    has_account = principal.kind not in _WITHOUT_ACCOUNT
    cross = has_account and request.resource_account not in ("", principal.account)
    is_root = principal.kind is Kind.ROOT
    denies: list[Deciding] = []
    lacking: list[Layer] = []

    if policies.resource_control and not principal.service_linked:
        _read_levels(policies.resource_control, Layer.RESOURCE_CONTROL, asked, denies, lacking)
    if policies.service_control and has_account and not principal.service_linked:
        _read_levels(policies.service_control, Layer.SERVICE_CONTROL, asked, denies, lacking)

    own = _read(policies.identity, Layer.IDENTITY, asked, denies)

    side = policies.resource_side
    resource_layer = Layer.TRUST if side is ResourceSide.TRUST else Layer.RESOURCE
    root_keeps = is_root and not cross and action in _ROOT_KEEPS
    grant, granted = Grant.NONE, None
    if policies.resource:
        resource_denies: list[Deciding] = [] if root_keeps else denies
        grant, granted = _read_grants(policies.resource, resource_layer, asked, resource_denies)
    needs_grant = cross or not has_account or side is not ResourceSide.ORDINARY
    if grant is Grant.NONE and needs_grant:
        lacking.append(resource_layer)

    needs_own = has_account and not is_root and (cross or grant < Grant.ENTITY)
    limited = has_account and not is_root and (cross or grant < Grant.DIRECT)
    if needs_own and own is None:
        lacking.append(Layer.IDENTITY)
    bounded = inside = None
    if policies.boundary is not None:
        bounded = _read((policies.boundary,), Layer.BOUNDARY, asked, denies)
        if limited and bounded is None:
            lacking.append(Layer.BOUNDARY)
    if policies.session or principal.kind is Kind.FEDERATED_USER:
        inside = _read(policies.session, Layer.SESSION, asked, denies)
        if limited and inside is None:
            lacking.append(Layer.SESSION)

    if denies:
        explicit = Verdict.EXPLICIT_DENY
        return Decision(explicit, resource, denies[0].layer, tuple(denies), (), cross)
    if lacking:
        return Decision(Verdict.IMPLICIT_DENY, resource, lacking[0], (), tuple(lacking), cross)
    limits = (own if needs_own else None, *((bounded, inside) if limited else ()))
    allows = tuple(one for one in (granted, *limits) if one is not None)
    return Decision(Verdict.ALLOWED, resource, None, allows, (), cross)


def _read_levels(
    levels: Iterable[Sequence[Document]],
    layer: Layer,
    asked: _Asked,
    denies: list[Deciding],
    lacking: list[Layer],
) -> None:
    """Every level must allow by at least one of its policies."""
    allows = [_read(level, layer, asked, denies) for level in levels]
    if None in allows:
        lacking.append(layer)


def _read(
    documents: Iterable[Document], layer: Layer, asked: _Asked, denies: list[Deciding]
) -> Deciding | None:
    """The first statement that allows; those that deny are added to `denies`."""
    found: Deciding | None = None
    for document in documents:
        for rule in document.policy.about(asked.action):
            if rule.allows and found is not None:
                break  # those that deny stand before those that allow
            if not rule.applies(asked.resource, asked.context):
                continue
            if rule.grants is not None and rule.grants(asked.principal) is Grant.NONE:
                continue
            deciding = _deciding(layer, document, rule)
            if rule.allows:
                found = deciding
            else:
                denies.append(deciding)
    return found


def _read_grants(
    documents: Iterable[Document], layer: Layer, asked: _Asked, denies: list[Deciding]
) -> tuple[Grant, Deciding | None]:
    """The Allow that reaches furthest. A statement that names nobody allows nobody, and denies everybody."""
    best, found = Grant.NONE, None
    for document in documents:
        for rule in document.policy.about(asked.action):
            if rule.grants is None:
                grant = Grant.NONE if rule.allows else Grant.DIRECT
            else:
                grant = rule.grants(asked.principal)
            if grant is Grant.NONE or (rule.allows and grant <= best):
                continue
            if not rule.applies(asked.resource, asked.context):
                continue
            deciding = _deciding(layer, document, rule)
            if rule.allows:
                best, found = grant, deciding
            else:
                denies.append(deciding)
    return best, found


def _deciding(layer: Layer, document: Document, rule: Rule) -> Deciding:
    return Deciding(layer, document.origin, rule.index, rule.sid, rule.allows)
