"""When keys and roles were last used, and which services a user, role, group or policy really needs.

From what was observed at every decision (`observed/`). What other workers noted in the last seconds may be missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from pilvi.base.arn import Arn, Scope
from pilvi.base.http import Body
from pilvi.contracts.observations import Observations
from pilvi.identity import actions
from pilvi.kit.call import Call
from pilvi.languages.policy import IDENTITY, Attachment, Document, Origin, document
from pilvi.services.iam import aws_policies, errors, pages, permissions, records
from pilvi.services.iam.observed import reports
from pilvi.services.iam.observed.records import Observed, find_seen, last_used, observed_of
from pilvi.services.iam.records import Entity, Role, User
from pilvi.services.iam.service import iam
from pilvi.services.iam.wire import (
    EntityDetails,
    GenerateServiceLastAccessedDetailsRequest,
    GenerateServiceLastAccessedDetailsResponse,
    GetAccessKeyLastUsedRequest,
    GetAccessKeyLastUsedResponse,
    GetServiceLastAccessedDetailsRequest,
    GetServiceLastAccessedDetailsResponse,
    GetServiceLastAccessedDetailsWithEntitiesRequest,
    GetServiceLastAccessedDetailsWithEntitiesResponse,
    RoleLastUsed,
    ServiceLastAccessed,
    TrackedActionLastAccessed,
)
from pilvi.store.api import Snapshot, Transaction


@iam.stream("GetAccessKeyLastUsed")
async def get_access_key_last_used(
    call: Call, req: GetAccessKeyLastUsedRequest, body: Body
) -> GetAccessKeyLastUsedResponse:
    """When, for which service and where a key was last used.

    Raises: AccessDenied for a key that is not the account's, whether or not it is another's.
    AWS: GetAccessKeyLastUsed; IAM User Guide, "Update access keys".
    """
    access_key_id = req["AccessKeyId"]
    await call.ask(Observations).flush()

    def look(at: Snapshot) -> GetAccessKeyLastUsedResponse:
        issued = records.find_issued(at, access_key_id)
        if (
            issued is None
            or issued.credential.account != call.account
            or issued.credential.expires_at_ms is not None
        ):
            resource = f"access key {access_key_id}"
            raise errors.not_authorized(call.principal.arn, "iam:GetAccessKeyLastUsed", resource)
        use = last_used(at, access_key_id)
        if use is None:
            told: GetAccessKeyLastUsedResponse = {
                "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}
            }
        else:
            told = {
                "AccessKeyLastUsed": {
                    "LastUsedDate": use.at_ms,
                    "ServiceName": use.service,
                    "Region": use.region,
                }
            }
        if issued.user_name:
            told["UserName"] = issued.user_name
        return told

    return await call.view(look)


def role_last_used(at: Snapshot, scope: Scope, role: Role) -> RoleLastUsed:
    """For GetRole: nothing where the role was not used."""
    seen = find_seen(at, scope.account, role.id)
    return {} if seen is None else {"LastUsedDate": seen.last_ms, "Region": seen.last_region}


@iam.stream("GenerateServiceLastAccessedDetails")
async def generate_service_last_accessed_details(
    call: Call, req: GenerateServiceLastAccessedDetailsRequest, body: Body
) -> GenerateServiceLastAccessedDetailsResponse:
    """Begin a report on a user, role, group or managed policy. It is made when it is read, and is kept for a week.

    Raises: NoSuchEntity, InvalidInput.
    AWS: GenerateServiceLastAccessedDetails; IAM User Guide, "Refine permissions using last accessed information".
    """
    report = reports.Report(
        id=call.entropy.uuid(),
        arn=req["Arn"],
        by_action=req.get("Granularity") == "ACTION_LEVEL",
        created_at_ms=call.now_ms,
    )
    await call.ask(Observations).flush()

    def begin(tx: Transaction) -> None:
        _find_subject(tx, call.scope, report.arn)
        reports.put(tx, call.scope, report)

    await call.transact(begin)
    return {"JobId": report.id}


@iam.read("GetServiceLastAccessedDetails")
def get_service_last_accessed_details(
    call: Call, at: Snapshot, req: GetServiceLastAccessedDetailsRequest
) -> GetServiceLastAccessedDetailsResponse:
    """The services that the subject's policies allow, and when each was last asked for anything, denied or not.

    Raises: NoSuchEntity.
    Differs: a wildcard for all services stands for those that exist here.
    """
    report = reports.get(at, call.scope, req["JobId"])
    subject = _find_subject(at, call.scope, report.arn)
    rows = [
        _told_service(one, subject, by_action=report.by_action)
        for one in sorted(_services(subject.documents).items())
    ]
    start = pages.after_marker(req)
    behind = [row for row in rows if start is None or (row["ServiceNamespace"],) > start]
    page, more = pages.cut(req, behind, lambda row: (row["ServiceNamespace"],))
    return {
        "JobStatus": "COMPLETED",
        "JobType": "ACTION_LEVEL" if report.by_action else "SERVICE_LEVEL",
        "JobCreationDate": report.created_at_ms,
        "JobCompletionDate": report.created_at_ms,
        "ServicesLastAccessed": page,
        **more,
    }


@iam.read("GetServiceLastAccessedDetailsWithEntities")
def get_service_last_accessed_details_with_entities(
    call: Call, at: Snapshot, req: GetServiceLastAccessedDetailsWithEntitiesRequest
) -> GetServiceLastAccessedDetailsWithEntitiesResponse:
    """The users and roles behind a report, and when each last used one service; the latest first.

    Raises: NoSuchEntity.
    """
    report = reports.get(at, call.scope, req["JobId"])
    subject = _find_subject(at, call.scope, report.arn)
    found: list[tuple[int, EntityDetails]] = []
    for entity in subject.entities:
        is_user = isinstance(entity, User)
        details: EntityDetails = {
            "EntityInfo": {
                "Arn": records.arn_of(call.scope, "user" if is_user else "role", entity),
                "Name": entity.name,
                "Type": "USER" if is_user else "ROLE",
                "Id": entity.id,
                "Path": entity.path,
            }
        }
        uses = [
            one for one in subject.uses[entity.id] if _service_of(one) == req["ServiceNamespace"]
        ]
        last_ms = max((one.last_ms for one in uses), default=0)
        if uses:
            details["LastAuthenticated"] = last_ms
        found.append((-last_ms, details))
    found.sort(key=lambda item: (item[0], item[1]["EntityInfo"]["Id"]))
    start = pages.after_marker(req)
    behind = [
        (last_ms, one)
        for last_ms, one in found
        if start is None or (last_ms, one["EntityInfo"]["Id"]) > start
    ]
    page, more = pages.cut(req, behind, lambda item: (item[0], item[1]["EntityInfo"]["Id"]))
    return {
        "JobStatus": "COMPLETED",
        "JobCreationDate": report.created_at_ms,
        "JobCompletionDate": report.created_at_ms,
        "EntityDetailsList": [one for _, one in page],
        **more,
    }


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a report is about. `documents`: the policies that say which services; `entities`: those who could use them;
    `uses`: what each of these did, by its id."""

    documents: list[Document]
    entities: list[User | Role]
    uses: dict[str, list[Observed]]
    arns: dict[str, str]


def _find_subject(at: Snapshot, scope: Scope, text: str) -> _Subject:
    """Raises: NoSuchEntity, InvalidInput."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise errors.InvalidInput(detail=f"ARN {text} is not valid.") from None
    kind, _, path = arn.resource.partition("/")
    name = path.rpartition("/")[2]
    own = arn.account == scope.account
    if kind == "policy" and arn.account in (scope.account, "aws"):
        policy = aws_policies.get_policy(at, scope, text)
        version = policy.version(policy.default_version)
        assert version is not None, text
        origin = Origin(Attachment.MANAGED, name=policy.name, arn=policy.arn)
        documents = [document(version.document, IDENTITY, origin)]
        entities = list(_holders(at, scope, text))
    elif kind in ("user", "role", "group") and own:
        entity = records.get_entity(at, scope, kind, name)
        if records.arn_of(scope, kind, entity) != text:
            raise errors.NoSuchEntity(detail=f"The {kind} with ARN {text} cannot be found.")
        documents = permissions.documents_of(at, scope, entity)
        entities = list(_people(at, scope, entity))
    else:
        raise errors.NoSuchEntity(detail=f"ARN {text} cannot be found.")
    return _Subject(
        documents,
        entities,
        {one.id: list(observed_of(at, scope.account, one.id)) for one in entities},
        {
            one.id: records.arn_of(scope, "user" if isinstance(one, User) else "role", one)
            for one in entities
        },
    )


def _holders(at: Snapshot, scope: Scope, policy_arn: str) -> Iterator[User | Role]:
    """Those to whom a managed policy is attached, by a group too; each once."""
    found: dict[str, User | Role] = {}
    for one in records.attachments_of(at, scope, policy_arn):
        entity = records.get_entity(at, scope, one.kind, one.name)
        found |= {person.id: person for person in _people(at, scope, entity)}
    yield from found.values()


def _people(at: Snapshot, scope: Scope, entity: Entity) -> Iterator[User | Role]:
    if isinstance(entity, User | Role):
        yield entity
        return
    home = records.home_of(scope)
    for member in records.MEMBERS.scan(at, home, (entity.name.lower(),)):
        yield records.get_user(at, scope, member.user)


def _services(documents: list[Document]) -> dict[str, list[str]]:
    """Namespace -> the actions that some statement allows; those of which there is no table tell none."""
    found: dict[str, list[str]] = {}
    rules = [rule for one in documents for rule in one.policy.rules if rule.allows]
    for prefix in actions.PREFIXES:
        table = actions.find_table(prefix)
        assert table is not None
        names = [action.name for action in table.actions]
        allowed = [
            name for name in names if any(rule.covers_action(name.lower()) for rule in rules)
        ]
        if allowed:
            found[prefix] = allowed
    for rule in rules:
        for pattern in (
            rule.statement.actions.patterns if not rule.statement.actions.negated else ()
        ):
            prefix = pattern.partition(":")[0].lower()
            if prefix.replace("-", "").isalnum():
                found.setdefault(prefix, [])
    return found


def _told_service(
    service: tuple[str, list[str]], subject: _Subject, *, by_action: bool
) -> ServiceLastAccessed:
    namespace, allowed = service
    table = actions.find_table(namespace)
    uses = [
        (one, subject.arns[entity_id])
        for entity_id, observed in subject.uses.items()
        for one in observed
        if _service_of(one) == namespace
    ]
    told: ServiceLastAccessed = {
        "ServiceName": namespace if table is None else table.title,
        "ServiceNamespace": namespace,
        "TotalAuthenticatedEntities": len({arn for _, arn in uses}),
    }
    if uses:
        latest, arn = max(uses, key=lambda item: item[0].last_ms)
        told["LastAuthenticated"] = latest.last_ms
        told["LastAuthenticatedEntity"] = arn
        told["LastAuthenticatedRegion"] = latest.region
    if by_action:
        told["TrackedActionsLastAccessed"] = _told_actions(allowed, uses)
    return told


def _told_actions(
    allowed: list[str], uses: list[tuple[Observed, str]]
) -> list[TrackedActionLastAccessed]:
    by_name: dict[str, list[tuple[Observed, str]]] = defaultdict(list)
    for one, arn in uses:
        by_name[one.action].append((one, arn))
    told: list[TrackedActionLastAccessed] = []
    for name in sorted({*allowed, *by_name}):
        action: TrackedActionLastAccessed = {"ActionName": name.partition(":")[2]}
        if name in by_name:
            latest, arn = max(by_name[name], key=lambda item: item[0].last_ms)
            action["LastAccessedEntity"] = arn
            action["LastAccessedTime"] = latest.last_ms
            action["LastAccessedRegion"] = latest.region
        told.append(action)
    return told


def _service_of(one: Observed) -> str:
    return one.action.partition(":")[0]
