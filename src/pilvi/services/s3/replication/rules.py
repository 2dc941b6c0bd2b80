"""Replication: what may be configured, and which rule a version goes by.

A configuration whose rules have filters is of the second version, in which delete markers go where a rule says so; one
without is of the first, in which they always do.
AWS: S3 User Guide, "Replication configuration file elements", section "Backward compatibility considerations".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pilvi.base.arn import Arn
from pilvi.services.s3 import errors, limits
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.encryption import SSE_KMS
from pilvi.services.s3.records.objects import Object
from pilvi.services.s3.replication.records import Configuration, Rule
from pilvi.services.s3.rules import archives, names, tags
from pilvi.services.s3.rules.configurations import Document, Template, copied
from pilvi.services.s3.rules.storage_classes import ARCHIVES, CLASSES, STANDARD

_TAG = {"Key": None, "Value": None}
_STATUS = {"Status": None}
_TEMPLATE: Template = {
    "ID": None,
    "Priority": None,
    "Prefix": None,
    "Filter": {"Prefix": None, "Tag": _TAG, "And": {"Prefix": None, "Tags": [_TAG]}},
    "Status": None,
    "SourceSelectionCriteria": {"SseKmsEncryptedObjects": _STATUS, "ReplicaModifications": _STATUS},
    "ExistingObjectReplication": _STATUS,
    "Destination": {
        "Bucket": None,
        "Account": None,
        "StorageClass": None,
        "AccessControlTranslation": {"Owner": None},
        "EncryptionConfiguration": {"ReplicaKmsKeyID": None},
        "ReplicationTime": {"Status": None, "Time": {"Minutes": None}},
        "Metrics": {"Status": None, "EventThreshold": {"Minutes": None}},
    },
    "DeleteMarkerReplication": _STATUS,
}
_ROLE = re.compile(r"arn:aws:iam::\d{12}:role/.+")
_PRIORITY_MAX = 2**31 - 1
_THRESHOLD_MINUTES = 15
"""The one that there is."""


# --- what may be configured


def configuration_of(
    given: Mapping[str, Any], source: Bucket, make_id: Callable[[], str]
) -> Configuration:
    """`make_id`: makes an id for a rule that brings none. Raises: MalformedXML, InvalidArgument, InvalidRequest."""
    role: str = given.get("Role") or ""
    listed = cast("Sequence[Mapping[str, Any]]", given.get("Rules") or ())
    if not 1 <= len(listed) <= limits.REPLICATION_RULES_MAX:
        raise errors.MalformedXML()
    _check_role(role)
    documents = [copied(one, _TEMPLATE) for one in listed]
    first_version = any("Filter" not in one for one in documents)
    rules = tuple(_rule(one, source, make_id, first_version) for one in documents)
    _check_apart(rules, first_version)
    return Configuration(role, rules)


def _check_role(role: str) -> None:
    if _ROLE.fullmatch(role) is None:
        detail = "Invalid Role specified in replication configuration"
        if re.match(r"arn:aws:iam::\d{12}:.", role) is not None:
            detail = "The relative id should start with role"
        raise errors.InvalidArgument(detail, "Role", role)


def _rule(given: Document, source: Bucket, make_id: Callable[[], str], first_version: bool) -> Rule:
    if "ExistingObjectReplication" in given:
        raise errors.MalformedXML()  # once there was such a thing; now it is done by batch jobs
    id = given.get("ID") or make_id()
    if len(id) > limits.REPLICATION_ID_LENGTH_MAX:
        raise errors.InvalidArgument("Rule Id cannot be greater than 255", "ID", id)
    prefix, wanted = _filter(given)
    for member in ("Priority", "DeleteMarkerReplication"):
        if (member in given) == first_version:
            raise _of_version(member, needed=not first_version)
    priority = given.get("Priority", 0)
    if not 0 <= priority <= _PRIORITY_MAX:
        raise errors.InvalidRequest(detail=f"Priority must be between 0 and {_PRIORITY_MAX}.")
    markers = first_version or _is_enabled(given["DeleteMarkerReplication"])
    if markers and wanted:
        raise errors.InvalidRequest(
            detail="Delete marker replication is not supported if any Tag filter is specified. Please refer to S3"
            " Developer Guide for more information."
        )
    criteria: Document | None = given.get("SourceSelectionCriteria")
    if criteria is not None and not criteria:
        raise errors.InvalidRequest(detail="SourceSelectionCriteria cannot be empty.")
    chosen = criteria or {}
    if first_version and "ReplicaModifications" in chosen:
        raise _of_version("ReplicaModifications", needed=False)
    selects = chosen.get("SseKmsEncryptedObjects")
    modifications = chosen.get("ReplicaModifications")
    destination: Document = given.get("Destination") or {}
    translation: Document | None = destination.get("AccessControlTranslation")
    bucket = _destination(destination, source, translation)
    kms_key = _kms_key(destination.get("EncryptionConfiguration"), selects)
    timed, metrics = _time_control(destination)
    return Rule(
        id=id,
        destination=bucket,
        document={**given, "ID": id},
        enabled=_is_enabled(given),
        priority=priority,
        prefix=prefix,
        tags=wanted,
        markers=markers,
        modifications=modifications is not None and _is_enabled(modifications),
        account=destination.get("Account", ""),
        overrides=translation is not None,
        storage_class=destination.get("StorageClass", ""),
        kms_key=kms_key,
        metrics=metrics,
        timed=timed,
    )


def _of_version(member: str, *, needed: bool) -> errors.InvalidRequest:
    what = "must be specified" if needed else "cannot be used"
    return errors.InvalidRequest(
        detail=f"{member} {what} for this version of Cross Region Replication configuration schema. Please refer to"
        " S3 Developer Guide for more information."
    )


def _is_enabled(given: Mapping[str, Any]) -> bool:
    status = given.get("Status")
    if status not in ("Enabled", "Disabled"):
        raise errors.MalformedXML()
    return status == "Enabled"


def _filter(given: Document) -> tuple[str, dict[str, str]]:
    """The prefix and the tags that keys and objects must have."""
    if ("Prefix" in given) == ("Filter" in given):
        raise errors.MalformedXML()
    if "Prefix" in given:
        return _prefix(given["Prefix"]), {}
    chosen: Document = given["Filter"]
    if len(chosen) > 1:
        raise errors.MalformedXML()
    listed: list[Document] = []
    if "And" in chosen:
        chosen = chosen["And"]
        listed = chosen.get("Tags", [])
        if len(listed) + ("Prefix" in chosen) < 2:
            raise errors.MalformedXML()
    elif "Tag" in chosen:
        listed = [chosen["Tag"]]
    keys = [one.get("Key") for one in listed]
    if len(set(keys)) < len(keys):
        raise errors.InvalidRequest(detail="Duplicate Tag Keys are not allowed.")
    return _prefix(chosen.get("Prefix", "")), tags.tags_of(listed, of_bucket=False)


def _prefix(given: str) -> str:
    if len(given.encode()) > limits.KEY_BYTES_MAX:
        raise errors.InvalidRequest(
            detail=f"The maximum size of a prefix is {limits.KEY_BYTES_MAX}."
        )
    return given


def _destination(given: Document, source: Bucket, translation: Document | None) -> str:
    """The name of the bucket."""
    arn = given.get("Bucket")
    if arn is None:
        raise errors.MalformedXML()
    name = _bucket_name(arn)
    if name == source.name:
        raise errors.InvalidRequest(
            detail="Destination bucket cannot be the same as the source bucket."
        )
    if given.get("StorageClass", STANDARD) not in CLASSES:
        raise errors.MalformedXML()
    if translation is not None:
        if translation.get("Owner") != "Destination":
            raise errors.MalformedXML()
        if not given.get("Account"):
            raise errors.InvalidRequest(
                detail="Account must be specified if the Owner in AccessControlTranslation has a value"
            )
    return name


def _bucket_name(arn: str) -> str:
    try:
        parsed = Arn.parse(arn)
    except ValueError:
        parsed = None
    if parsed is None or not arn.startswith("arn:aws:s3:::"):
        raise errors.InvalidArgument("Invalid bucket ARN", "Bucket", arn)
    try:
        names.check_bucket_name(parsed.resource)
    except errors.InvalidBucketName:
        raise errors.InvalidArgument("The specified bucket is not valid.", "Bucket", arn) from None
    return parsed.resource


def _kms_key(given: Document | None, selects: Document | None) -> str | None:
    if given is not None and selects is None:
        raise errors.InvalidRequest(
            detail="SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present."
        )
    key: str = (given or {}).get("ReplicaKmsKeyID") or ""
    if selects is None:
        return None
    enabled = _is_enabled(selects)
    if not key:
        raise errors.InvalidRequest(
            detail="ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present."
        )
    if re.fullmatch(r"arn:aws:kms:[a-z0-9-]+:\d{12}:(key|alias)/.+", key) is None:
        raise errors.InvalidArgument("Invalid ReplicaKmsKeyID ARN.", "ReplicaKmsKeyID", key)
    return key if enabled else None


def _time_control(given: Document) -> tuple[bool, bool]:
    """Whether replication time control and metrics are on."""
    time: Document | None = given.get("ReplicationTime")
    metrics: Document | None = given.get("Metrics")
    measured = metrics is not None and _is_enabled(metrics)
    timed = time is not None and _is_enabled(time)
    if time is not None:
        if metrics is None:
            raise errors.InvalidRequest(
                detail="Replication destination must contain both ReplicationTime and Metrics or neither."
            )
        if _minutes(time, "Time") != _THRESHOLD_MINUTES:
            raise errors.InvalidArgument("Invalid time minute value", "ReplicationTime")
    threshold = _minutes(metrics or {}, "EventThreshold")
    if timed:
        if threshold is None:
            raise errors.InvalidArgument(
                "ReplicationMetrics must contain an event threshold", "ReplicationMetrics"
            )
        if threshold != _THRESHOLD_MINUTES:
            raise errors.InvalidArgument(
                "Invalid event threshold minute value", "ReplicationMetrics"
            )
    elif threshold is not None:
        raise errors.InvalidArgument(
            "Metrics cannot contain an event threshold when ReplicationTime is not specified or Disabled",
            "Metrics",
        )
    return timed, measured


def _minutes(given: Document, member: str) -> int | None:
    inside: Document = given.get(member) or {}
    return inside.get("Minutes")


def _check_apart(rules: Sequence[Rule], first_version: bool) -> None:
    if len({rule.id for rule in rules}) < len(rules):
        raise errors.InvalidArgument("Rule Id must be unique", "ID")
    if not first_version:
        seen: set[int] = set()
        for rule in rules:
            if rule.priority in seen:
                raise errors.InvalidRequest(detail=f"Found duplicate priority {rule.priority}.")
            seen.add(rule.priority)
        return
    if len({rule.destination for rule in rules}) > 1:
        raise errors.InvalidRequest(
            detail="Number of distinct destination bucket ARNs cannot exceed 1"
        )
    for one, other in zip(
        ordered := sorted(rule.prefix for rule in rules), ordered[1:], strict=False
    ):
        if other.startswith(one):
            raise errors.InvalidRequest(detail=f"Found overlapping prefixes '{one}' and '{other}'")


def described(configuration: Configuration) -> Document:
    """As GetBucketReplication tells it: as it was put."""
    return {
        "Role": configuration.role,
        "Rules": [dict(rule.document) for rule in configuration.rules],
    }


# --- which rule a version goes by


def chosen(configuration: Configuration, stored: Object) -> list[Rule]:
    """One for each bucket that the version goes to: of those that fit it, the one of the highest priority."""
    found = _highest(configuration, lambda rule: _fits(rule, stored))
    return [rule for rule in found if _takes(rule, stored)]


def chosen_for_marker(configuration: Configuration, key: str) -> list[Rule]:
    """A delete marker has no tags."""
    found = _highest(configuration, lambda rule: not rule.tags and key.startswith(rule.prefix))
    return [rule for rule in found if rule.markers]


def _highest(configuration: Configuration, fits: Callable[[Rule], bool]) -> list[Rule]:
    found: dict[str, Rule] = {}
    for rule in configuration.rules:
        if rule.enabled and fits(rule):
            other = found.get(rule.destination)
            if other is None or other.priority < rule.priority:
                found[rule.destination] = rule
    return list(found.values())


def _fits(rule: Rule, stored: Object) -> bool:
    return stored.key.startswith(rule.prefix) and rule.tags.items() <= stored.tags.items()


def is_archived(stored: Object, now_ms: int) -> bool:
    """Whether it must be restored before it can be read; AWS replicates what can be read."""
    return stored.storage_class in ARCHIVES and not archives.is_restored(stored, now_ms)


def _takes(rule: Rule, stored: Object) -> bool:
    """What is encrypted with a key of KMS goes only where a rule says so, and with which key there."""
    how = stored.encryption
    return how is None or how.kind != SSE_KMS or rule.kms_key is not None
