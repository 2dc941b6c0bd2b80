"""Contributor insights: stored and told.

AWS: UpdateContributorInsights, DescribeContributorInsights, ListContributorInsights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .support import index, make_simple_table, make_table, refusal


def test_contributor_insights(client: Callable[..., Any], clock: Any) -> None:
    ddb = client("dynamodb")
    gsi = index("by-sk", "sk")
    make_table(ddb, GlobalSecondaryIndexes=[gsi])
    make_simple_table(ddb)
    never = ddb.describe_contributor_insights(TableName="things")
    never.pop("ResponseMetadata")
    assert never == {"TableName": "things", "ContributorInsightsStatus": "DISABLED"}
    begun = ddb.update_contributor_insights(
        TableName="things",
        IndexName="by-sk",
        ContributorInsightsAction="ENABLE",
        ContributorInsightsMode="THROTTLED_KEYS",
    )
    assert begun["ContributorInsightsStatus"] == "ENABLING"
    told = ddb.describe_contributor_insights(TableName="things", IndexName="by-sk")
    assert (told["ContributorInsightsStatus"], told["ContributorInsightsMode"]) == (
        "ENABLED",
        "THROTTLED_KEYS",
    )
    assert told["LastUpdateDateTime"]
    ddb.update_contributor_insights(TableName="simple", ContributorInsightsAction="ENABLE")
    ddb.update_contributor_insights(TableName="simple", ContributorInsightsAction="DISABLE")
    pages, token = [], {}
    while True:
        page = ddb.list_contributor_insights(MaxResults=1, **token)
        pages += page["ContributorInsightsSummaries"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert [
        (one["TableName"], one.get("IndexName"), one["ContributorInsightsStatus"]) for one in pages
    ] == [
        ("simple", None, "DISABLED"),
        ("things", None, "DISABLED"),
        ("things", "by-sk", "ENABLED"),
    ]
    only = ddb.list_contributor_insights(TableName="things")["ContributorInsightsSummaries"]
    assert only == pages[1:]
    assert refusal(ddb.describe_contributor_insights, TableName="things", IndexName="nope") == (
        "ResourceNotFoundException",
        "Requested resource not found: Index: nope not found for table: things",
    )
    # A later index of the same name begins without.
    ddb.update_table(
        TableName="things", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-sk"}}]
    )
    clock.wait_until_idle()
    ddb.update_table(
        TableName="things",
        AttributeDefinitions=[{"AttributeName": "sk", "AttributeType": "N"}],
        GlobalSecondaryIndexUpdates=[{"Create": gsi}],
    )
    later = ddb.describe_contributor_insights(TableName="things", IndexName="by-sk")
    assert later["ContributorInsightsStatus"] == "DISABLED"
