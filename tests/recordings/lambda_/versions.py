"""Versions, aliases, and revisions of both."""

from __future__ import annotations

from recordings.lambda_.story import Story, code, scenario


@scenario("TestLambdaVersions::test_publish_version_on_create")
def published_at_once(story: Story) -> None:
    story.create("create_response", Publish=True)
    story("get_function_result", "get_function", FunctionName="f")
    story("get_function_version_result", "get_function", FunctionName="f", Qualifier="1")
    story("get_function_latest_result", "get_function", FunctionName="f", Qualifier="$LATEST")
    story("list_versions_result", "list_versions_by_function", FunctionName="f")
    story("repeated_publish_response", "publish_version", FunctionName="f")
    story("list_versions_result_after_publish", "list_versions_by_function", FunctionName="f")


@scenario("TestLambdaVersions::test_version_lifecycle")
def lifecycle(story: Story) -> None:
    story.create("create_response")
    story("get_function_result", "get_function", FunctionName="f")
    story("list_versions_result", "list_versions_by_function", FunctionName="f")
    configure = "update_function_configuration"
    story("first_update_response", configure, FunctionName="f", Description="First version :)")
    story("first_update_get_function", "get_function", FunctionName="f")
    request = {"FunctionName": "f", "Description": "First version description :)"}
    story("first_publish_response", "publish_version", **request)
    first = {"FunctionName": "f", "Qualifier": "1"}
    story("first_publish_get_function", "get_function", **first)
    story("first_publish_get_function_config", "get_function_configuration", **first)
    story("second_update_response", configure, FunctionName="f", Description="Second version :))")
    story("first_publish_get_function_after_update", "get_function", **first)
    story("second_publish_response", "publish_version", FunctionName="f")
    request = {"FunctionName": "f", "Description": "Third version :)))"}
    story("third_publish_response", "publish_version", **request)
    label = "list_versions_result_after_third_publish"
    story(label, "list_versions_by_function", FunctionName="f")
    story.do("delete_function", **first)
    label = "list_versions_result_after_deletion_of_first_version"
    story(label, "list_versions_by_function", FunctionName="f")


@scenario(
    "TestLambdaVersions::test_publish_with_wrong_revisionid",
    "TestLambdaVersions::test_publish_with_wrong_sha256",
)
def publishing_something_else(story: Story) -> None:
    story.create("create_response")
    found = story("get_fn_response", "get_function", FunctionName="f")["Configuration"]
    request = {"FunctionName": "f", "RevisionId": "wrong"}
    if "publish_wrong_revisionid_exc" in story.recorded:
        story("publish_wrong_revisionid_exc", "publish_version", **request)
    else:
        request = {"FunctionName": "f", "CodeSha256": "somenonexistentsha256"}
        story("publish_wrong_sha256_exc", "publish_version", **request)
    request = {"FunctionName": "f", "CodeSha256": found["CodeSha256"]}
    story("publish_result", "publish_version", RevisionId=found["RevisionId"], **request)


@scenario("TestLambdaVersions::test_publish_with_update")
def published_with_new_code(story: Story) -> None:
    story.create("create_response")
    story("get_function_result", "get_function", FunctionName="f")
    request = {"FunctionName": "f", "ZipFile": code(2), "Publish": True}
    story("update_function_code_result", "update_function_code", **request)
    story("get_function_version_result", "get_function", FunctionName="f", Qualifier="1")
    story("get_function_latest_result", "get_function", FunctionName="f", Qualifier="$LATEST")


# --- aliases


def two_versions(story: Story, *, publish: bool = False) -> None:
    story.create("create_response", Publish=publish)
    story("publish_v1", "publish_version", FunctionName="f")
    if "publish_v2" in story.recorded:
        prod = {"Variables": {"testenv": "prod"}}
        story.do("update_function_configuration", FunctionName="f", Environment=prod)
        story("publish_v2", "publish_version", FunctionName="f")


@scenario("TestLambdaAlias::test_alias_lifecycle")
def aliases(story: Story) -> None:
    two_versions(story)
    weights = {"AdditionalVersionWeights": {"2": 0.2}}
    described = {"Description": "custom-alias"}
    for tail, request in (
        ("1_1", {"FunctionVersion": "1", "RoutingConfig": weights, **described}),
        ("1_2", {"FunctionVersion": "1", **described}),
        ("1_3", {"FunctionVersion": "1"}),
        ("2", {"FunctionVersion": "2", **described}),
    ):
        named = {"FunctionName": "f", "Name": f"aliasname{tail}"}
        story(f"create_alias_{tail}", "create_alias", **named, **request)
        story(f"get_alias_{tail}", "get_alias", **named)
        if tail == "1_1":
            name, missing = named["Name"], "aliasdoesnotexist"
            story("get_function_alias_1_1", "get_function", FunctionName="f", Qualifier=name)
            by_arn = story.arn(f"f:{name}")
            story("get_function_byarn_alias_1_1", "get_function", FunctionName=by_arn)
            label = "get_function_alias_notfound_exc"
            story(label, "get_function", FunctionName="f", Qualifier=missing)
            label = "get_function_alias_byarn_notfound_exc"
            story(label, "get_function", FunctionName=story.arn(f"f:{missing}"))
    listed = story.do("list_aliases", FunctionName="f")
    story.said["list_aliases_for_fnname"] = {"Aliases": listed["Aliases"]}
    named = {"FunctionName": "f", "Name": "aliasname1_1"}
    empty = {"AdditionalVersionWeights": {}}
    story("update_alias_1_1", "update_alias", RoutingConfig=empty, **named)
    story("get_alias_1_1_after_update", "get_alias", **named)
    story("list_aliases_for_fnname_after_update", "list_aliases", FunctionName="f")
    other = {"FunctionName": "f", "Name": "aliasname1_2"}
    story("update_alias_1_2", "update_alias", **other)
    story("get_alias_1_2_after_update", "get_alias", **other)
    story("list_aliases_for_fnname_after_update_2", "list_aliases", FunctionName="f")
    of_one = {"FunctionName": "f", "FunctionVersion": "1"}
    story("list_aliases_for_version", "list_aliases", **of_one)
    story("delete_alias_response", "delete_alias", **named)
    story("list_aliases_for_fnname_afterdelete", "list_aliases", FunctionName="f")


@scenario("TestLambdaAlias::test_notfound_and_invalid_routingconfigs")
def routes(story: Story) -> None:
    two_versions(story, publish=True)

    def create(label: str, version: str, weights: dict[str, float] | None, **more: str) -> None:
        request = {"FunctionName": "f", "Name": "custom", "FunctionVersion": version, **more}
        routing = None if weights is None else {"AdditionalVersionWeights": weights}
        extra = {} if routing is None else {"RoutingConfig": routing}
        story(label, "create_alias", **request, **extra)

    create("routing_config_exc_toomany", "1", {"1": 0.8, "2": 0.2})
    create("routing_config_exc_toohigh", "1", {"2": 2})
    create("routing_config_exc_subzero", "1", {"2": -1})
    create("routing_config_exc_sameversion", "1", {"1": 0.5})
    create("target_version_doesnotexist", "10", {"2": 0.5})
    create("routing_config_exc_version_doesnotexist", "1", {"10": 0.5})
    create("target_version_exc_version_latest", "$LATEST", {"1": 0.5})
    create("routing_config_exc_version_latest", "1", {"$LATEST": 0.5})
    create("create-alias-latest", "$LATEST", None, Name="custom-latest")
    create("routing_config_exc_fn_doesnotexist", "1", {"2": 0.5}, FunctionName="f-unknown")
    create("create_alias_empty_routingconfig", "1", {}, Name="custom-empty-routingconfig")
    create("create_alias_response", "1", {"2": 0.5})
    create("routing_config_exc_already_exist", "1", {"2": 0.5})
    story("alias_does_not_exist_esc", "get_alias", FunctionName="f", Name="non-existent")


@scenario("TestLambdaAlias::test_alias_naming")
def names(story: Story) -> None:
    two_versions(story)
    described = {"FunctionVersion": "1", "Description": "custom-alias"}
    named = {"FunctionName": "f", "Name": "2024-01-02"}
    story("create_alias_date", "create_alias", **named, **described)
    story("get_alias_date", "get_alias", **named)
    named["Name"] = "2024"
    story("create_alias_number_exception", "create_alias", **named, **described)


@scenario(
    "TestLambdaAlias::test_non_existent_alias_deletion",
    "TestLambdaAlias::test_non_existent_alias_update",
)
def no_alias(story: Story) -> None:
    story.create("create_response")
    named = {"FunctionName": "f", "Name": "non-existent"}
    verb = "delete" if "delete_alias_response" in story.recorded else "update"
    story(f"{verb}_alias_response", f"{verb}_alias", **named)


# --- revisions


@scenario("TestLambdaRevisions::test_function_revisions_basic")
def revisions(story: Story) -> None:
    created = story.create("create_function_response_rev1", Code={"ZipFile": code()})
    wrong = {"FunctionName": "f", "RevisionId": created["RevisionId"]}
    found = story("get_function_response_rev2", "get_function", FunctionName="f")
    package = {"ZipFile": code(1)}
    story("update_function_revision_exception", "update_function_code", **wrong, **package)
    right = {"FunctionName": "f", "RevisionId": found["Configuration"]["RevisionId"]}
    story("update_function_code_response_rev3", "update_function_code", **right, **package)
    found = story("get_function_response_rev4", "get_function", FunctionName="f")
    label, configure = "update_function_configuration", "update_function_configuration"
    story(f"{label}_revision_exception", configure, Runtime="python3.8", **wrong)
    right["RevisionId"] = found["Configuration"]["RevisionId"]
    story(f"{label}_response_rev5", configure, Runtime="python3.8", **right)
    story("get_function_response_rev6", "get_function", FunctionName="f")


@scenario("TestLambdaRevisions::test_function_revisions_version_and_alias")
def revisions_of_versions(story: Story) -> None:
    story.create("create_function_response_rev1")
    found = story("get_function_active_rev2", "get_function", FunctionName="f")
    wrong = {"FunctionName": "f", "RevisionId": "wrong"}
    story("publish_version_revision_exception", "publish_version", **wrong)
    right = {"FunctionName": "f", "RevisionId": found["Configuration"]["RevisionId"]}
    story("publish_version_response_rev_v1", "publish_version", **right)
    first = {"FunctionName": "f", "Qualifier": "1"}
    story("get_function_published_version_rev_v2", "get_function", **first)
    story("get_function_latest_rev3", "get_function", FunctionName="f")
    named = {"FunctionName": "f", "Name": "revision_alias"}
    alias = story("create_alias_response_rev_a1", "create_alias", FunctionVersion="1", **named)
    story("get_function_latest_rev4", "get_function", FunctionName="f")
    story("get_function_published_version_rev_v3", "get_function", **first)
    change = {"Description": "something changed", **named}
    story("update_alias_revision_exception", "update_alias", RevisionId="wrong", **change)
    revision = alias["RevisionId"]
    story("update_alias_response_rev_a2", "update_alias", RevisionId=revision, **change)


@scenario("TestLambdaRevisions::test_function_revisions_permissions")
def revisions_of_policies(story: Story) -> None:
    story.create()
    story(
        "add_permission_revision_exception",
        "add_permission",
        FunctionName="f",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        RevisionId="wrong",
    )
