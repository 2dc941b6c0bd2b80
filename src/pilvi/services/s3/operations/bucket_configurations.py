"""Configurations that a bucket has by id: storage class analysis, request metrics, Intelligent-Tiering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pilvi.kit import paging
from pilvi.kit.call import Call
from pilvi.services.s3 import access, errors, limits
from pilvi.services.s3.records import configurations
from pilvi.services.s3.rules import configurations as rules
from pilvi.services.s3.service import s3
from pilvi.services.s3.wire import (
    DeleteBucketAnalyticsConfigurationRequest,
    DeleteBucketIntelligentTieringConfigurationRequest,
    DeleteBucketMetricsConfigurationRequest,
    GetBucketAnalyticsConfigurationOutput,
    GetBucketAnalyticsConfigurationRequest,
    GetBucketIntelligentTieringConfigurationOutput,
    GetBucketIntelligentTieringConfigurationRequest,
    GetBucketMetricsConfigurationOutput,
    GetBucketMetricsConfigurationRequest,
    ListBucketAnalyticsConfigurationsOutput,
    ListBucketAnalyticsConfigurationsRequest,
    ListBucketIntelligentTieringConfigurationsOutput,
    ListBucketIntelligentTieringConfigurationsRequest,
    ListBucketMetricsConfigurationsOutput,
    ListBucketMetricsConfigurationsRequest,
    PutBucketAnalyticsConfigurationRequest,
    PutBucketIntelligentTieringConfigurationRequest,
    PutBucketMetricsConfigurationRequest,
)
from pilvi.store.api import Snapshot, Transaction

_ANALYTICS, _METRICS, _TIERING = "analytics", "metrics", "intelligent-tiering"


# --- storage class analysis


@s3.write("PutBucketAnalyticsConfiguration")
def put_bucket_analytics_configuration(
    call: Call, tx: Transaction, req: PutBucketAnalyticsConfigurationRequest
) -> dict[str, Any]:
    """Keep a configuration; nothing is analysed.

    Raises: MalformedXML, IdMismatch, InvalidConfigurationId, InvalidS3DestinationBucket, TooManyConfigurations.
    AWS: PutBucketAnalyticsConfiguration.
    """
    return put(call, tx, req, _ANALYTICS, rules.analytics(req["Id"], req["AnalyticsConfiguration"]))


@s3.read("GetBucketAnalyticsConfiguration")
def get_bucket_analytics_configuration(
    call: Call, at: Snapshot, req: GetBucketAnalyticsConfigurationRequest
) -> GetBucketAnalyticsConfigurationOutput:
    """Raises: NoSuchConfiguration. AWS: GetBucketAnalyticsConfiguration."""
    return {"AnalyticsConfiguration": get(call, at, req, _ANALYTICS)}


@s3.read("ListBucketAnalyticsConfigurations")
def list_bucket_analytics_configurations(
    call: Call, at: Snapshot, req: ListBucketAnalyticsConfigurationsRequest
) -> ListBucketAnalyticsConfigurationsOutput:
    """A page of 100, by id. AWS: ListBucketAnalyticsConfigurations."""
    return page(call, at, req, _ANALYTICS, "AnalyticsConfigurationList")


@s3.write("DeleteBucketAnalyticsConfiguration")
def delete_bucket_analytics_configuration(
    call: Call, tx: Transaction, req: DeleteBucketAnalyticsConfigurationRequest
) -> dict[str, Any]:
    """Raises: NoSuchConfiguration. AWS: DeleteBucketAnalyticsConfiguration."""
    return delete(call, tx, req, _ANALYTICS)


# --- request metrics


@s3.write("PutBucketMetricsConfiguration")
def put_bucket_metrics_configuration(
    call: Call, tx: Transaction, req: PutBucketMetricsConfigurationRequest
) -> dict[str, Any]:
    """Keep a configuration; nothing is measured.

    Raises: MalformedXML, IdMismatch, InvalidConfigurationId, TooManyConfigurations.
    AWS: PutBucketMetricsConfiguration.
    """
    return put(call, tx, req, _METRICS, rules.metrics(req["Id"], req["MetricsConfiguration"]))


@s3.read("GetBucketMetricsConfiguration")
def get_bucket_metrics_configuration(
    call: Call, at: Snapshot, req: GetBucketMetricsConfigurationRequest
) -> GetBucketMetricsConfigurationOutput:
    """Raises: NoSuchConfiguration. AWS: GetBucketMetricsConfiguration."""
    return {"MetricsConfiguration": get(call, at, req, _METRICS)}


@s3.read("ListBucketMetricsConfigurations")
def list_bucket_metrics_configurations(
    call: Call, at: Snapshot, req: ListBucketMetricsConfigurationsRequest
) -> ListBucketMetricsConfigurationsOutput:
    """A page of 100, by id. AWS: ListBucketMetricsConfigurations."""
    return page(call, at, req, _METRICS, "MetricsConfigurationList")


@s3.write("DeleteBucketMetricsConfiguration")
def delete_bucket_metrics_configuration(
    call: Call, tx: Transaction, req: DeleteBucketMetricsConfigurationRequest
) -> dict[str, Any]:
    """Raises: NoSuchConfiguration. AWS: DeleteBucketMetricsConfiguration."""
    return delete(call, tx, req, _METRICS)


# --- Intelligent-Tiering


@s3.write("PutBucketIntelligentTieringConfiguration")
def put_bucket_intelligent_tiering_configuration(
    call: Call, tx: Transaction, req: PutBucketIntelligentTieringConfigurationRequest
) -> dict[str, Any]:
    """Keep a configuration; nothing is moved between tiers.

    Raises: MalformedXML, IdMismatch, InvalidConfigurationId, InvalidArgument (days), TooManyConfigurations.
    AWS: PutBucketIntelligentTieringConfiguration.
    """
    given = req["IntelligentTieringConfiguration"]
    return put(call, tx, req, _TIERING, rules.tiering(req["Id"], given))


@s3.read("GetBucketIntelligentTieringConfiguration")
def get_bucket_intelligent_tiering_configuration(
    call: Call, at: Snapshot, req: GetBucketIntelligentTieringConfigurationRequest
) -> GetBucketIntelligentTieringConfigurationOutput:
    """Raises: NoSuchConfiguration. AWS: GetBucketIntelligentTieringConfiguration."""
    return {"IntelligentTieringConfiguration": get(call, at, req, _TIERING)}


@s3.read("ListBucketIntelligentTieringConfigurations")
def list_bucket_intelligent_tiering_configurations(
    call: Call, at: Snapshot, req: ListBucketIntelligentTieringConfigurationsRequest
) -> ListBucketIntelligentTieringConfigurationsOutput:
    """A page of 100, by id. AWS: ListBucketIntelligentTieringConfigurations."""
    return page(call, at, req, _TIERING, "IntelligentTieringConfigurationList")


@s3.write("DeleteBucketIntelligentTieringConfiguration")
def delete_bucket_intelligent_tiering_configuration(
    call: Call, tx: Transaction, req: DeleteBucketIntelligentTieringConfigurationRequest
) -> dict[str, Any]:
    """Raises: NoSuchConfiguration. AWS: DeleteBucketIntelligentTieringConfiguration."""
    return delete(call, tx, req, _TIERING)


# --- what they share, inventories too


def put(
    call: Call, tx: Transaction, req: Mapping[str, Any], kind: str, document: dict[str, Any]
) -> dict[str, Any]:
    bucket = access.admit(call, tx, req)
    is_new = configurations.find(tx, bucket, kind, req["Id"]) is None
    if is_new and configurations.count(tx, bucket, kind) >= limits.CONFIGURATIONS_MAX:
        raise errors.TooManyConfigurations()
    configurations.put(tx, bucket, kind, document, req["Id"])
    return {}


def get(call: Call, at: Snapshot, req: Mapping[str, Any], kind: str) -> Any:
    found = configurations.find(at, access.admit(call, at, req), kind, req["Id"])
    if found is None:
        raise errors.NoSuchConfiguration()
    return found


def page(call: Call, at: Snapshot, req: Mapping[str, Any], kind: str, member: str) -> Any:
    bucket = access.admit(call, at, req)
    token: str | None = req.get("ContinuationToken")
    found = configurations.scan(at, bucket, kind, after_id=_after(token))
    listed, more = paging.page_of(found, limits.LIST_CONFIGURATIONS_MAX)
    result: dict[str, Any] = {"IsTruncated": more}
    if listed:
        result[member] = [one.document for one in listed]
    if token is not None:
        result["ContinuationToken"] = token
    if more:
        result["NextContinuationToken"] = paging.token_of((listed[-1].id,))
    return result


def _after(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        (found,) = paging.key_of(token)
    except ValueError:
        found = None
    if not isinstance(found, str):
        raise errors.InvalidArgument(
            "The continuation token provided is incorrect", "continuation-token"
        )
    return found


def delete(call: Call, tx: Transaction, req: Mapping[str, Any], kind: str) -> dict[str, Any]:
    if not configurations.delete(tx, access.admit(call, tx, req), kind, req["Id"]):
        raise errors.NoSuchConfiguration()
    return {}
