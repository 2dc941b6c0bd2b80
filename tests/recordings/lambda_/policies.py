"""Who may: policies of functions and layers. And tags, account settings and code signing."""

from __future__ import annotations

import itertools
from typing import Any

from recordings.lambda_.story import Story, code, scenario

S3 = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
BUCKET = {"SourceArn": "arn:aws:s3:::some-bucket"}


def service(sid: str, name: str) -> dict[str, str]:
    principal = f"{name}.amazonaws.com"
    return {"StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": principal}


@scenario("TestLambdaPermissions::test_add_lambda_permission_aws")
def one_statement(story: Story) -> None:
    story.create("create_lambda")
    story("add_permission", "add_permission", FunctionName="f", StatementId="s3", **S3, **BUCKET)
    story("get_policy", "get_policy", FunctionName="f")


@scenario("TestLambdaPermissions::test_remove_multi_permissions")
def removing(story: Story) -> None:
    story.create()
    story("add_permission_1", "add_permission", FunctionName="f", **service("s3", "s3"))
    other = {**service("sqs", "sqs"), **BUCKET}
    story("add_permission_2", "add_permission", FunctionName="f", **other)
    found = story("policy_after_2_add", "get_policy", FunctionName="f")
    label = "remove_permission_exception_nonexisting_sid"
    story(label, "remove_permission", FunctionName="f", StatementId="non-existent")
    revision = found["RevisionId"]
    story.do("remove_permission", FunctionName="f", StatementId="sqs", RevisionId=revision)
    found = story("policy_after_removal", "get_policy", FunctionName="f")
    story("policy_after_removal_attempt", "get_policy", FunctionName="f")
    revision = found["RevisionId"]
    story.do("remove_permission", FunctionName="f", StatementId="s3", RevisionId=revision)
    story("get_policy_exception_removed_all", "get_policy", FunctionName="f")


@scenario("TestLambdaPermissions::test_create_multiple_lambda_permissions")
def two_statements(story: Story) -> None:
    story.create()
    for number, name in ((1, "logs"), (2, "kinesis")):
        label = f"add_permission_response_{number}"
        story(label, "add_permission", FunctionName="f", **service(name, name))
    story("policy_after_2_add", "get_policy", FunctionName="f")


@scenario("TestLambdaPermissions::test_permission_exceptions")
def nonsense(story: Story) -> None:
    story.create()

    def add(label: str, **request: Any) -> None:
        asked = {"FunctionName": "f", "StatementId": "s3", **S3, **request}
        story(label, "add_permission", **asked)

    add("add_permission_invalid_statement_id", StatementId="example.com")
    add("add_permission_fn_qualifier_mismatch", FunctionName="f:alias-not-42", Qualifier="42")
    add("add_permission_fn_qualifier_latest", Qualifier="$LATEST")
    add("add_permission_principal_invalid", Principal="invalid.nonaws.com")
    story("get_policy_fn_doesnotexist", "get_policy", FunctionName="doesnotexist")
    story("get_policy_fn_version_doesnotexist", "get_policy", FunctionName="f", Qualifier="42")
    add("add_permission_fn_doesnotexist", FunctionName="doesnotexist")
    remove = {"FunctionName": "f", "StatementId": "s3"}
    story("remove_permission_policy_doesnotexist", "remove_permission", **remove)
    add("add_permission_fn_alias_doesnotexist", Qualifier="alias-doesnotexist")
    add("add_permission_fn_version_doesnotexist", Qualifier="42")
    add("add_permission_fn_qualifier_invalid", Qualifier="invalid-qualifier-with-?-char")
    label = "add_permission_fn_qualifier_valid_doesnotexist"
    add(label, Qualifier="valid-with-$-but-doesnotexist")
    story.do("add_permission", FunctionName="f", StatementId="s3", **S3)
    add("add_permission_conflicting_statement_id")
    missing = {"FunctionName": "doesnotexist", "StatementId": "s3"}
    story("remove_permission_fn_doesnotexist", "remove_permission", **missing)
    label = "remove_permission_fn_alias_doesnotexist"
    story(label, "remove_permission", Qualifier="alias-doesnotexist", **remove)


@scenario("TestLambdaPermissions::test_add_lambda_permission_fields")
def fields(story: Story) -> None:
    story.create()

    def add(label: str, sid: str, principal: str, **request: Any) -> None:
        asked = {"Action": "lambda:InvokeFunction", "Principal": principal, **request}
        story(label, "add_permission", FunctionName="f", StatementId=sid, **asked)

    account = {"SourceAccount": story.account}
    add("add_permission_principal_wildcard", "wilcard", "*", **account)
    add("add_permission_principal_service", "lambda", "lambda.amazonaws.com", **account)
    add("add_permission_principal_account", "account-id", story.account)
    ann = story.make("iam").create_user(UserName="ann")["User"]["Arn"]
    add("add_permission_principal_arn", "user-arn", ann, **account)
    add(
        "add_permission_optional_fields",
        "urlPermission",
        "*",
        Action="lambda:InvokeFunctionUrl",
        PrincipalOrgID="o-1234567890",
        FunctionUrlAuthType="NONE",
        **account,
        **BUCKET,
    )
    token = "amzn1.ask.skill.xxxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
    add("add_permission_alexa_skill", "alexaSkill", "*", EventSourceToken=token)


@scenario("TestLambdaPermissions::test_lambda_permission_fn_versioning")
def of_versions(story: Story) -> None:
    story.create()
    asked = {"FunctionName": "f", **S3, **BUCKET}
    story("add_permission", "add_permission", StatementId="s3", **asked)
    story("get_policy", "get_policy", FunctionName="f")
    story("publish_version_result", "publish_version", FunctionName="f")
    story("get_function_result_after_publishing", "get_function", FunctionName="f")
    found = story("get_policy_after_publishing_latest", "get_policy", FunctionName="f")
    first = {"FunctionName": "f", "Qualifier": "1"}
    story("get_policy_after_publishing_new_version", "get_policy", **first)
    story.do("add_permission", StatementId="s3", Qualifier="1", **asked)
    story("get_policy_version", "get_policy", **first)
    named = {"FunctionName": "f", "Name": "permission-alias"}
    story("create_alias_response", "create_alias", FunctionVersion="1", **named)
    story("get_alias", "get_alias", **named)
    alias = {"StatementId": "s3", "Qualifier": "permission-alias", **asked}
    label = "add_permission_alias_revision_exception"
    story(label, "add_permission", RevisionId="wrong", **alias)
    story.do("add_permission", **alias)
    story("get_policy_alias", "get_policy", FunctionName="f", Qualifier="permission-alias")
    story("get_policy_after_adding_to_new_version", "get_policy", FunctionName="f")
    story.do("add_permission", StatementId="s3_2", RevisionId=found["RevisionId"], **asked)
    story("get_policy_after_adding_2", "get_policy", FunctionName="f")


# --- tags


@scenario("TestLambdaTag::test_create_tag_on_fn_create")
def tagged_at_once(story: Story) -> None:
    story.create(Tags={"testtag": "custom"})
    story("get_function_result", "get_function", FunctionName="f")
    story("list_tags_result", "list_tags", Resource=story.arn())


@scenario(
    "TestLambdaTag::test_tag_lifecycle[lambda_function]",
    "TestLambdaTag::test_tag_lifecycle[event_source_mapping]",
)
def tags(story: Story) -> None:
    story.create()
    arn = story.arn()
    if story.parameter == "event_source_mapping":
        story.make("sqs").create_queue(QueueName="q")
        queue = f"arn:aws:sqs:us-east-1:{story.account}:q"
        request = {"FunctionName": "f", "EventSourceArn": queue}
        arn = story.do("create_event_source_mapping", **request)["EventSourceMappingArn"]
    for label, added in (
        ("single", {"A": "tag-a"}),
        ("multiple", {"B": "tag-b", "C": "tag-c"}),
        ("overlap", {"C": "tag-c-newsuffix", "D": "tag-d"}),
    ):
        story(f"tag_{label}_response", "tag_resource", Resource=arn, Tags=added)
        story(f"tag_{label}_response_listtags", "list_tags", Resource=arn)
    for label, gone in (
        ("single", ["A"]),
        ("multiple", ["B", "C"]),
        ("nonexisting", ["F"]),
        ("existing_and_nonexisting", ["D", "F"]),
    ):
        story(f"untag_{label}_response", "untag_resource", Resource=arn, TagKeys=gone)
        story(f"untag_{label}_response_listtags", "list_tags", Resource=arn)


@scenario("TestLambdaTag::test_tag_nonexisting_resource")
def tags_of_what_is_gone(story: Story) -> None:
    story.create()
    story("pre_delete_get_function", "get_function", FunctionName="f")
    story.do("delete_function", FunctionName="f")
    tags_of_nothing(story)


def tags_of_nothing(story: Story, arn: str = "") -> None:
    arn = arn or story.arn()
    story("not_found_exception_tag", "tag_resource", Resource=arn, Tags={"A": "B"})
    story("not_found_exception_untag", "untag_resource", Resource=arn, TagKeys=["A"])
    story("not_found_exception_list", "list_tags", Resource=arn)


@scenario(
    "TestLambdaTag::test_tag_exceptions[lambda_function]",
    "TestLambdaTag::test_tag_exceptions[capacity_provider]",
)
def tags_of_nonsense(story: Story) -> None:
    kind = "function" if story.parameter == "lambda_function" else "capacity-provider"
    arn = story.arn().replace("function:f", f"{kind}:f")
    tags_of_nothing(story, arn)
    tagged = {"Tags": {"A": "B"}}
    story("aliased_arn_exception", "tag_resource", Resource=f"{arn}:alias", **tagged)
    other = arn.replace(kind, "foobar")
    story("invalid_arn_exception", "tag_resource", Resource=other, **tagged)


@scenario("TestLambdaTags::test_tag_exceptions")
def more_nonsense(story: Story) -> None:
    story.create()
    tagged = {"Tags": {"a": "b"}}
    story("tag_lambda_invalidarn", "tag_resource", Resource="arn:aws:something", **tagged)
    missing = story.arn("doesnotexist")
    story("tag_lambda_doesnotexist", "tag_resource", Resource=missing, **tagged)
    label = "tag_lambda_qualifier_doesnotexist"
    story(label, "tag_resource", Resource=story.arn("f:v1"), **tagged)
    story("list_tag_lambda_empty", "list_tags", Resource=story.arn())
    story("untag_nomatch", "untag_resource", Resource=story.arn(), TagKeys=["somekey"])
    story("untag_empty_keys", "untag_resource", Resource=story.arn(), TagKeys=[])
    story("tag_empty_tags", "tag_resource", Resource=story.arn(), Tags={})


@scenario("TestLambdaTags::test_tag_versions")
def tags_of_versions(story: Story) -> None:
    story.create(Publish=True)
    for label, version in (
        ("tag_resource_exception", "1"),
        ("tag_resource_latest_exception", "$LATEST"),
    ):
        story(label, "tag_resource", Resource=story.arn(f"f:{version}"), Tags={"a": "b"})


@scenario("TestLambdaTags::test_tag_limits")
def many_tags(story: Story) -> None:
    story.create()
    arn = story.arn()
    many = {f"{number}_key": f"{number}_value" for number in range(51)}
    story("tag_lambda_too_many_tags", "tag_resource", Resource=arn, Tags=many)
    fifty = dict(list(many.items())[:50])
    story("tag_response", "tag_resource", Resource=arn, Tags=fifty)
    story("list_tags_response", "list_tags", Resource=arn)
    story("get_fn_response", "get_function", FunctionName="f")
    label = "tag_lambda_too_many_tags_additional"
    story(label, "tag_resource", Resource=arn, Tags={"a_key": "a_value"})
    story.create("create_function_invalid_tags", "g", Tags=many)


@scenario("TestLambdaTags::test_tag_lifecycle")
def tags_of_a_life(story: Story) -> None:
    story.create(Tags={"key_a": "value_a"})
    arn = story.arn()

    def look(tail: str) -> None:
        story(f"list_tags_response_{tail}", "list_tags", Resource=arn)
        story(f"get_fn_response_{tail}", "get_function", FunctionName="f")

    look("postfncreate")
    added = {f"key_{one}": f"value_{one}" for one in "bcde"}
    recorded = story.recorded["list_tags_response_postaddtags"]["Tags"]
    added = {key: value for key, value in recorded.items() if key != "key_a"} or added
    story("tag_resource_response", "tag_resource", Resource=arn, Tags=added)
    look("postaddtags")
    recorded = story.recorded["list_tags_response_overwrite"]["Tags"]
    story("tag_resource_overwrite", "tag_resource", Resource=arn, Tags=recorded)
    look("overwrite")
    left = story.recorded["list_tags_response_postuntag"]["Tags"]
    gone = sorted(recorded.keys() - left.keys())
    story.do("untag_resource", Resource=arn, TagKeys=gone)
    look("postuntag")
    story.do("untag_resource", Resource=arn, TagKeys=sorted(left))
    look("postuntagall")
    story.do("delete_function", FunctionName="f")
    story("list_tags_postdelete", "list_tags", Resource=arn)


# --- account settings


def code_size(story: Story) -> int:
    return story.do("get_account_settings")["AccountUsage"]["TotalCodeSize"]


@scenario("TestLambdaAccountSettings::test_account_settings")
def account_settings(story: Story) -> None:
    found = story.do("get_account_settings")
    status = {"HTTPStatusCode": found["ResponseMetadata"]["HTTPStatusCode"]}
    told = {part: sorted(found[part]) for part in ("AccountLimit", "AccountUsage")}
    story.said["acc_settings_modded"] = {**told, "ResponseMetadata": status}


@scenario("TestLambdaAccountSettings::test_account_settings_total_code_size_config_update")
def sizes_of_versions(story: Story) -> None:
    sizes = [code_size(story)]
    story.create()
    sizes.append(code_size(story))
    story.do("update_function_configuration", FunctionName="f", Description="other")
    sizes.append(code_size(story))
    story.do("publish_version", FunctionName="f")
    sizes.append(code_size(story))
    more = [after - before for before, after in itertools.pairwise(sizes)]
    label = "is_total_code_size_diff_create_function_more_than_200"
    story.said[label] = more[0] > 200
    story.said["total_code_size_diff_update_function_configuration"] = more[1]
    label = "is_total_code_size_diff_publish_version_after_config_update_more_than_200"
    story.said[label] = more[2] > 200


# --- code signing

PROFILE = "arn:aws:signer:us-east-1:{account}:/signing-profiles/test"


def signing(story: Story) -> str:
    profile = PROFILE.format(account=story.account)
    created = story(
        "create_code_signing_config",
        "create_code_signing_config",
        Description="Testing CodeSigning Config",
        AllowedPublishers={"SigningProfileVersionArns": [profile]},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    return created["CodeSigningConfig"]["CodeSigningConfigArn"]


@scenario("TestCodeSigningConfig::test_function_code_signing_config")
def signing_configurations(story: Story) -> None:
    story.create()
    named = {"CodeSigningConfigArn": signing(story)}
    warn = {"UntrustedArtifactOnDeployment": "Warn"}
    label = "update_code_signing_config"
    story(label, label, CodeSigningPolicies=warn, **named)
    story("get_code_signing_config", "get_code_signing_config", **named)
    for verb, request in (("put", named), ("get", {})):
        label = f"{verb}_function_code_signing_config"
        story(label, label, FunctionName="f", **request)
    (only,) = story.do("list_code_signing_configs")["CodeSigningConfigs"]
    story.said["list_code_signing_configs"] = only
    label = "list_functions_by_code_signing_config"
    story(label, label, **named)
    label = "delete_function_code_signing_config"
    story(label, label, FunctionName="f")
    story("delete_code_signing_config", "delete_code_signing_config", **named)


@scenario("TestCodeSigningConfig::test_code_signing_not_found_excs")
def signing_by_nobody(story: Story) -> None:
    story.create()
    arn = signing(story)
    found = {"CodeSigningConfigArn": arn}
    missing = {"CodeSigningConfigArn": arn[:-17] + "0" * 17}
    here, nowhere = {"FunctionName": "f"}, {"FunctionName": "csc-test-doesnotexist"}
    warn = {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}}
    of_function = "function_code_signing_config"
    for label, operation, request in (
        ("delete_csc_notfound", "delete_code_signing_config", missing),
        ("nothing_to_delete_response", f"delete_{of_function}", here),
        ("delete_function_csc_fnnotfound", f"delete_{of_function}", nowhere),
        ("put_function_csc_invalid_fnname", f"put_{of_function}", {**nowhere, **found}),
        ("put_function_csc_invalid_csc_arn", f"put_{of_function}", {**here, **missing}),
        ("put_function_csc_invalid_both", f"put_{of_function}", {**nowhere, **missing}),
        ("update_csc_invalid_csc_arn", "update_code_signing_config", {**missing, **warn}),
        ("update_csc_noupdates", "update_code_signing_config", missing),
        ("update_csc_noupdate_response", "update_code_signing_config", found),
        ("get_csc_invalid", "get_code_signing_config", missing),
        ("get_function_csc_fnwithoutcsc", f"get_{of_function}", here),
        ("get_function_csc_nonexistingfn", f"get_{of_function}", nowhere),
        ("list_functions_by_csc_fnwithoutcsc", "list_functions_by_code_signing_config", found),
        ("list_functions_by_csc_invalid_cscarn", "list_functions_by_code_signing_config", missing),
    ):
        story(label, operation, **request)


# --- layers


def publish(story: Story, label: str | None = None, name: str = "l", **request: Any) -> Any:
    asked = {"LayerName": name, "Content": {"ZipFile": code(3)}, **request}
    if label is None:
        return story.do("publish_layer_version", **asked)
    return story(label, "publish_layer_version", **asked)


COMPATIBLE: dict[str, Any] = {
    "CompatibleRuntimes": ["python3.12"],
    "CompatibleArchitectures": ["x86_64"],
}


@scenario("TestLambdaLayer::test_layer_exceptions")
def layers_of_nonsense(story: Story) -> None:
    publish(story, "publish_result", **COMPATIBLE)
    for member, value in (("Runtime", "runtimedoesnotexist"), ("Architecture", "archdoesnotexist")):
        label = f"list_layers_exc_compatible{member.lower()}_invalid"
        story(label, "list_layers", **{f"Compatible{member}": value})
    story("list_nonexistent_layer", "list_layer_versions", LayerName="doesnotexist")
    get = "get_layer_version"
    label = "get_layer_version_exc_layer_doesnotexist"
    story(label, get, LayerName="doesnotexist", VersionNumber=1)
    label = "get_layer_version_exc_layer_version_doesnotexist"
    for tail, number in (("negative", -1), ("zero", 0), ("2", 2)):
        story(f"{label}_{tail}", get, LayerName="l", VersionNumber=number)
    label = "get_layer_version_by_arn_exc"
    story(f"{label}_invalidarn", "get_layer_version_by_arn", Arn=story.layer("l"))
    story(f"{label}_nonexistentversion", "get_layer_version_by_arn", Arn=story.layer("l", 2))
    delete = "delete_layer_version"
    nowhere = {"LayerName": "doesnotexist", "VersionNumber": 1}
    story("delete_nonexistent_response", delete, **nowhere)
    story("delete_nonexistent_version_response", delete, LayerName="l", VersionNumber=2)
    for label in ("delete_layer_response", "delete_layer_again_response"):
        story(label, delete, LayerName="l", VersionNumber=1)
    label = "delete_layer_version_exc_layerversion_invalid_version"
    story(label, delete, LayerName="l", VersionNumber=-1)
    empty: dict[str, Any] = {"CompatibleRuntimes": [], "CompatibleArchitectures": []}
    publish(story, "publish_empty_result", "m", **empty)
    for label, runtimes, architectures in (
        ("invalid_runtime_arch", ["invalidruntime"], ["invalidarch"]),
        (
            "partially_invalid_values",
            ["invalidruntime", "invalidruntime2", "nodejs20.x"],
            ["invalidarch", "x86_64"],
        ),
    ):
        request = {"CompatibleRuntimes": runtimes, "CompatibleArchitectures": architectures}
        publish(story, f"publish_layer_version_exc_{label}", **request)


@scenario("TestLambdaLayer::test_layer_lifecycle")
def layers(story: Story) -> None:
    story.create()
    story("get_fn_result", "get_function", FunctionName="f")
    story("get_fn_config_result", "get_function_configuration", FunctionName="f")
    told = {"Description": "some words", "LicenseInfo": "a licence", **COMPATIBLE}
    publish(story, "publish_result", **told)
    publish(story, "publish_result_2", **told)
    used = {"FunctionName": "f", "Layers": [story.layer("l", 1)]}
    story("update_fn_config", "update_function_configuration", **used)
    story("get_fn_config", "get_function_configuration", FunctionName="f")
    story("get_layer_ver_result", "get_layer_version", LayerName="l", VersionNumber=1)
    story("get_layer_by_arn_version", "get_layer_version_by_arn", Arn=story.layer("l", 1))
    story("list_layer_versions_predelete", "list_layer_versions", LayerName="l")
    story("delete_layer_1", "delete_layer_version", LayerName="l", VersionNumber=1)
    story("get_fn_config_postdelete", "get_function_configuration", FunctionName="f")
    story("delete_layer_2", "delete_layer_version", LayerName="l", VersionNumber=2)
    story("list_layer_versions_postdelete", "list_layer_versions", LayerName="l")
    publish(story, "publish_result_3", **told)


@scenario("TestLambdaLayer::test_layer_s3_content")
def a_layer_of_an_object(story: Story) -> None:
    s3, bucket = story.make("s3"), f"layer-{story.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="layer.zip", Body=code(3))
    content = {"S3Bucket": bucket, "S3Key": "layer.zip"}
    publish(story, "publish_layer_result", Content=content)


@scenario("TestLambdaLayer::test_layer_function_exceptions")
def layers_that_do_not_fit(story: Story) -> None:
    some: dict[str, Any] = {"CompatibleRuntimes": [], "CompatibleArchitectures": ["x86_64"]}
    for tail in ("", "_2", "_3"):
        publish(story, f"publish_result{tail}", **some)
    story.create()
    story("get_fn_result", "get_function", FunctionName="f")
    for label, arns in (
        ("two_layer_versions_single_function_exc", [story.layer("l", n) for n in (1, 2)]),
        ("three_layer_versions_single_function_exc", [story.layer("l", n) for n in (1, 2, 3)]),
        ("two_identical_layer_versions_single_function_exc", [story.layer("l", 1)] * 2),
        ("add_nonexistent_layer_exc", [story.layer("doesnotexist", 1)]),
        ("add_nonexistent_layer_version_exc", [story.layer("l", 9)]),
        ("add_layer_arn_without_version_exc", [story.layer("l")]),
    ):
        story(label, "update_function_configuration", FunctionName="f", Layers=arns)
    elsewhere = story.layer("l", 1).replace("us-east-1", "eu-west-1")
    story.create("create_function_with_layer_in_different_region", "g", Layers=[elsewhere])


@scenario("TestLambdaLayer::test_layer_function_quota_exception")
def six_layers(story: Story) -> None:
    arns = [story.layer(f"l{number}", 1) for number in range(6)]
    story.create("create_function_with_six_layers", Layers=arns)


@scenario(*(f"TestLambdaLayer::test_layer_compatibilities[runtimes{n}]" for n in range(3)))
def compatible_with_many(story: Story) -> None:
    recorded = story.recorded["publish_result"]
    members = ("CompatibleRuntimes", "CompatibleArchitectures")
    publish(story, "publish_result", **{member: recorded[member] for member in members})


def permit(story: Story, label: str | None, sid: str, **request: Any) -> Any:
    asked = {
        "LayerName": "l",
        "VersionNumber": 1,
        "StatementId": sid,
        "Action": "lambda:GetLayerVersion",
        "Principal": "*",
        **request,
    }
    if label is None:
        return story.do("add_layer_version_permission", **asked)
    return story(label, "add_layer_version_permission", **asked)


@scenario("TestLambdaLayer::test_layer_policy_exceptions")
def layer_policies_of_nonsense(story: Story) -> None:
    publish(story, "publish_result", **COMPATIBLE)
    get, remove = "get_layer_version_policy", "remove_layer_version_permission"
    first = {"LayerName": "l", "VersionNumber": 1}
    story("layer_permission_nopolicy_get", get, **first)
    permit(story, "add_layer_permission_result", "s1")
    permit(story, "layer_permission_action_invalid", "s2", Action="*")
    permit(story, "layer_permission_duplicate_statement", "s1")
    permit(story, "layer_permission_wrong_revision", "s2", RevisionId="wrong")
    for what, where in (
        ("layername", {"LayerName": "l-doesnotexist", "VersionNumber": 1}),
        ("layerversion", {"LayerName": "l", "VersionNumber": 2}),
    ):
        label = f"layer_permission_{what}_doesnotexist"
        permit(story, f"{label}_add", "s1", **where)
        story(f"{label}_get", get, **where)
        story(f"{label}_remove", remove, StatementId="s1", **where)
    label = "layer_permission_statementid_doesnotexist_remove"
    story(label, remove, StatementId="doesnotexist", **first)
    label = "layer_permission_wrong_revision_remove"
    story(label, remove, StatementId="s1", RevisionId="wrong", **first)


@scenario("TestLambdaLayer::test_layer_policy_lifecycle")
def layer_policies(story: Story) -> None:
    publish(story, "publish_result", **COMPATIBLE)
    get, first = "get_layer_version_policy", {"LayerName": "l", "VersionNumber": 1}
    permit(story, "add_policy_s1", "s1")
    found = story("get_layer_version_policy", get, **first)
    permit(story, "add_policy_s2", "s2", RevisionId=found["RevisionId"])
    found = story("get_layer_version_policy_postadd2", get, **first)
    request = {"StatementId": "s2", "RevisionId": found["RevisionId"], **first}
    story("remove_s2", "remove_layer_version_permission", **request)
    story("get_layer_version_policy_postdeletes2", get, **first)
