"""What is decided about event source mappings: what a request asks for, whether its source takes that, and how a
mapping is shown. Pure functions of requests and records.

AWS: CreateEventSourceMapping, UpdateEventSourceMapping; Lambda Developer Guide, "How Lambda processes records from
stream and queue-based event sources".
"""

from __future__ import annotations

from collections.abc import Mapping as Members
from typing import Any, cast

import msgspec

from pilvi.base.arn import Arn, Scope
from pilvi.base.errors import NotBuilt
from pilvi.services.lambda_ import errors, mapping_names
from pilvi.services.lambda_.mappings import filters
from pilvi.services.lambda_.mappings.records import Mapping, Progress, Settings
from pilvi.services.lambda_.names import LATEST, FunctionName
from pilvi.services.lambda_.wire import EventSourceMappingConfiguration

QUEUE, STREAM = "sqs", "dynamodb"
"""The kinds of sources, by the service in their ARNs."""

_OTHERS = {
    "kinesis": "Kinesis streams",
    "kafka": "Amazon MSK",
    "mq": "Amazon MQ",
    "rds": "DocumentDB",
}
_QUEUE_BATCH, _STREAM_BATCH = 10, 100
_WITHOUT_WINDOW_MAX = 10
_OF_STREAMS = (
    *("ParallelizationFactor", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError"),
    *("MaximumRetryAttempts", "TumblingWindowInSeconds", "DestinationConfig"),
)
_OF_QUEUES = ("ScalingConfig", "ProvisionedPollerConfig")
_OF_OTHERS = (
    *("AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig", "Topics"),
    *("DocumentDBEventSourceConfig", "Queues", "SourceAccessConfigurations", "LoggingConfig"),
)
"""Of sources that are not built."""
_POLLERS = (2, 200)
"""The fewest that there may be, and the most where nothing is said."""
_POSITIONS = ("TRIM_HORIZON", "LATEST")
_AGE_S_MIN = 60
_FILTERS_MAX = 10
_REASONS = {QUEUE: "USER_INITIATED", STREAM: "User action"}


def kind_of(source_arn: str) -> str:
    return source_arn.split(":", 3)[2]


def reason_of(source_arn: str) -> str:
    """StateTransitionReason, which AWS words by the kind of source."""
    return _REASONS[kind_of(source_arn)]


def is_fifo(source_arn: str) -> bool:
    return kind_of(source_arn) == QUEUE and source_arn.endswith(".fifo")


def source_of(req: Members[str, Any]) -> str:
    """The source that a request names. Raises: InvalidParameterValueException, NotBuilt."""
    text = req.get("EventSourceArn")
    if text is None:
        if "SelfManagedEventSource" in req:
            raise NotBuilt(what="event source mappings of self-managed Kafka")
        raise _invalid("Unrecognized event source.")
    service = Arn.parse(text).service
    if service in _OTHERS:
        raise NotBuilt(what=f"event source mappings of {_OTHERS[service]}")
    if (service == STREAM and "/stream/" in text) or service == QUEUE:
        return text
    raise _invalid("Unrecognized event source.")


def check_position(req: Members[str, Any], source_arn: str) -> None:
    """Raises: InvalidParameterValueException."""
    position = req.get("StartingPosition")
    if kind_of(source_arn) == QUEUE:
        if position is not None:
            raise _invalid("StartingPosition is not valid for SQS event sources.")
    elif position is None:
        raise _invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy"
            " constraint: Member must not be null."
        )
    elif position not in _POSITIONS:
        raise _invalid(f"Unsupported starting position for arn type: {source_arn}")


def new_settings(req: Members[str, Any], source_arn: str) -> Settings:
    """Raises: InvalidParameterValueException, NotBuilt."""
    if kind_of(source_arn) == QUEUE:
        default = Settings(batch_size=_QUEUE_BATCH)
    else:
        default = Settings(
            batch_size=_STREAM_BATCH,
            starting_position=req["StartingPosition"],
            parallelization=1,
            bisect=False,
            retries_max=-1,
            record_age_s_max=-1,
            tumbling_window_s=0,
            on_failure="",
        )
    return changed(default, req, source_arn)


def changed(old: Settings, req: Members[str, Any], source_arn: str) -> Settings:
    """The settings as a request wants them, where it says anything.

    Raises: InvalidParameterValueException, NotBuilt.
    """
    queue = kind_of(source_arn) == QUEUE
    for member in (*(_OF_STREAMS if queue else _OF_QUEUES), *_OF_OTHERS):
        if req.get(member) is not None:
            raise _invalid(f"Unsupported {member} parameter for given event source mapping type.")
    told: dict[str, Any] = {}
    for member, field in _PLAIN.items():
        value = req.get(member)
        if value is not None:
            told[field] = value
    types = req.get("FunctionResponseTypes")
    if types is not None:
        told["response_types"] = tuple(types)
    criteria = req.get("FilterCriteria")
    if criteria is not None:
        told["filters"] = _filters(criteria)
    scaling = req.get("ScalingConfig")
    if scaling is not None:
        told["concurrency_max"] = scaling.get("MaximumConcurrency")
    key = req.get("KMSKeyArn")
    if key is not None:
        told["kms_key_arn"] = key or None
    pollers = req.get("ProvisionedPollerConfig")
    if pollers is not None:
        told["pollers"] = _pollers(pollers)
    metrics = req.get("MetricsConfig")
    if metrics is not None:
        told["metrics"] = _metrics(metrics)
    destinations = req.get("DestinationConfig")
    if destinations is not None:
        told["on_failure"] = _on_failure(destinations)
    settings = msgspec.structs.replace(old, **told)
    _check(settings, source_arn)
    return settings


_PLAIN = {
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "window_s",
    "ParallelizationFactor": "parallelization",
    "MaximumRecordAgeInSeconds": "record_age_s_max",
    "BisectBatchOnFunctionError": "bisect",
    "MaximumRetryAttempts": "retries_max",
    "TumblingWindowInSeconds": "tumbling_window_s",
}


def _filters(criteria: Members[str, Any]) -> tuple[str, ...]:
    """An empty list takes all filters away."""
    found: list[str] = []
    for one in criteria.get("Filters") or ():
        pattern = one.get("Pattern")
        if pattern is None:
            raise _invalid("Invalid filter pattern definition.")
        found.append(pattern)
    if len(found) > _FILTERS_MAX:
        raise _invalid(
            f"1 validation error detected: Value at 'filterCriteria.filters' failed to satisfy"
            f" constraint: Member must have length less than or equal to {_FILTERS_MAX}"
        )
    filters.check(found)
    return tuple(found)


def _pollers(config: Members[str, Any]) -> tuple[int, int] | None:
    """Nothing but empty braces takes the provisioned mode away again."""
    if config.get("PollerGroupName"):
        raise _invalid("Unsupported PollerGroupName parameter for given event source mapping type.")
    fewest, most = config.get("MinimumPollers"), config.get("MaximumPollers")
    if fewest is None and most is None:
        return None
    least, default = _POLLERS
    if (fewest is not None and fewest < least) or (most is not None and most < least):
        raise _invalid(
            f"MinimumPollers and MaximumPollers must be at least {least} for SQS event source mappings."
        )
    found = (
        least if fewest is None else fewest,
        max(default, fewest or 0) if most is None else most,
    )
    if found[0] > found[1]:
        raise _invalid("MinimumPollers must be less than or equal to MaximumPollers.")
    return found


def _metrics(config: Members[str, Any]) -> tuple[str, ...]:
    metrics = tuple(config.get("Metrics") or ())
    for metric in metrics:
        if metric != "EventCount":
            raise _invalid(
                f"Unsupported metric {metric} in MetricsConfig for given event source mapping type."
            )
    return metrics


def _on_failure(config: Members[str, Any]) -> str:
    success = config.get("OnSuccess")
    if success is not None and success.get("Destination"):
        raise _invalid(
            "Unsupported DestinationConfig parameter for given event source mapping type."
        )
    failure: Members[str, Any] = config.get("OnFailure") or {}
    return failure.get("Destination") or ""


def _check(settings: Settings, source_arn: str) -> None:
    """What settings must be together. Raises: InvalidParameterValueException."""
    if is_fifo(source_arn) and settings.window_s:
        raise _invalid("Batching window is not supported for FIFO queues")
    if (
        kind_of(source_arn) == QUEUE
        and settings.batch_size > _WITHOUT_WINDOW_MAX
        and not settings.window_s
    ):
        raise _invalid(
            "Maximum batch window in seconds must be greater than 0"
            f" if maximum batch size is greater than {_WITHOUT_WINDOW_MAX}"
        )
    if settings.pollers is not None and settings.concurrency_max is not None:
        raise _invalid(
            "ScalingConfig and ProvisionedPollerConfig cannot be used together for an event source mapping."
        )
    age_s = settings.record_age_s_max
    if age_s is not None and -1 < age_s < _AGE_S_MIN:
        raise _invalid(
            f"1 validation error detected: Value '{age_s}' at 'maximumRecordAgeInSeconds' failed to"
            f" satisfy constraint: Member must have value greater than or equal to {_AGE_S_MIN}"
        )


def already_there(mapping: Mapping, name: FunctionName) -> errors.ResourceConflictException:
    arn, uuid = mapping.source_arn, mapping.uuid
    function = name.name if name.qualifier is None else f"{name.name}:{name.qualifier}"
    if kind_of(arn) == QUEUE:
        told = f'An event source mapping with SQS arn (" {arn} ") and function (" {function} ")'
    else:
        told = f'The event source arn (" {arn} ") and function (" {function} ") provided mapping'
    return errors.ResourceConflictException(
        detail=f"{told} already exists. Please update or delete the existing mapping with UUID {uuid}"
    )


def same_function(one: str, other: str) -> bool:
    """Whether two ARNs mean the same code: without a qualifier it is $LATEST."""
    return one.removesuffix(f":{LATEST}") == other.removesuffix(f":{LATEST}")


def described(
    scope: Scope, mapping: Mapping, progress: Progress
) -> EventSourceMappingConfiguration:
    settings = mapping.settings
    told: dict[str, Any] = {
        "UUID": mapping.uuid,
        "BatchSize": settings.batch_size,
        "MaximumBatchingWindowInSeconds": settings.window_s,
        "EventSourceArn": mapping.source_arn,
        "EventSourceMappingArn": mapping_names.arn_of(scope, mapping.uuid),
        "FunctionArn": mapping.function_arn,
        "LastModified": mapping.modified_ms,
        "State": mapping.state,
        "StateTransitionReason": mapping.reason,
        "FunctionResponseTypes": list(settings.response_types),
    }
    if settings.filters:
        told["FilterCriteria"] = {"Filters": [{"Pattern": one} for one in settings.filters]}
    if settings.concurrency_max is not None:
        told["ScalingConfig"] = {"MaximumConcurrency": settings.concurrency_max}
    if settings.kms_key_arn is not None:
        told["KMSKeyArn"] = settings.kms_key_arn
    if settings.pollers is not None:
        fewest, most = settings.pollers
        told["ProvisionedPollerConfig"] = {"MinimumPollers": fewest, "MaximumPollers": most}
    if settings.metrics:
        told["MetricsConfig"] = {"Metrics": list(settings.metrics)}
    if progress.result:
        told["LastProcessingResult"] = progress.result
    if kind_of(mapping.source_arn) == STREAM:
        on_failure = {"Destination": settings.on_failure} if settings.on_failure else {}
        told |= {
            "StartingPosition": settings.starting_position,
            "ParallelizationFactor": settings.parallelization,
            "DestinationConfig": {"OnFailure": on_failure},
            "MaximumRecordAgeInSeconds": settings.record_age_s_max,
            "BisectBatchOnFunctionError": settings.bisect,
            "MaximumRetryAttempts": settings.retries_max,
            "TumblingWindowInSeconds": settings.tumbling_window_s,
        }
        told.setdefault("LastProcessingResult", "No records processed")
    return cast("EventSourceMappingConfiguration", told)


def _invalid(detail: str) -> errors.InvalidParameterValueException:
    return errors.InvalidParameterValueException(detail=detail)
