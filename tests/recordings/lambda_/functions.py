"""Functions: their lives, what they are set to, and what cannot be asked of them."""

from __future__ import annotations

from recordings.lambda_.story import Story, code, scenario

OF_FUNCTIONS = (
    *("delete_function", "get_function", "get_function_configuration", "get_function_url_config"),
    *("get_function_code_signing_config", "get_function_event_invoke_config"),
    "get_function_concurrency",
)


@scenario("TestLambdaFunction::test_function_lifecycle")
def lifecycle(story: Story) -> None:
    story.create("create_response")
    story("get_function_response", "get_function", FunctionName="f")
    story(
        "update_func_conf_response",
        "update_function_configuration",
        FunctionName="f",
        Runtime="python3.11",
        Description="Changed-Description",
        MemorySize=512,
        Timeout=10,
        Environment={"Variables": {"ENV_A": "a"}},
    )
    story("get_function_response_postupdate", "get_function", FunctionName="f")
    story("update_code_response", "update_function_code", FunctionName="f", ZipFile=code(2))
    story("get_function_response_postcodeupdate", "get_function", FunctionName="f")
    story("delete_response", "delete_function", FunctionName="f")
    story("delete_postdelete", "get_function", FunctionName="f")


@scenario("TestLambdaFunction::test_redundant_updates")
def redundant_updates(story: Story) -> None:
    story.create("create_response")
    change = {"FunctionName": "f", "Description": "1st update description"}
    story("first_update_result", "update_function_configuration", **change)
    story("get_fn_config_result", "get_function_configuration", FunctionName="f")
    story("get_fn_result", "get_function", FunctionName="f")
    story("redundant_update_result", "update_function_configuration", **change)
    story("get_fn_result_after_redundant_update", "get_function", FunctionName="f")


@scenario(
    *(
        f"TestLambdaFunction::test_ops_with_arn_qualifier_mismatch[{one}]"
        for one in ("delete_function", "get_function", "get_function_configuration")
    )
)
def two_qualifiers(story: Story) -> None:
    name = story.arn("some-function:$LATEST")
    story("not_match_exception", story.parameter, FunctionName=name, Qualifier="1")
    story("match_exception", story.parameter, FunctionName=name, Qualifier="$LATEST")


@scenario(
    *(
        f"TestLambdaFunction::test_ops_on_nonexisting_version[{one}]"
        for one in (
            "get_function",
            "get_function_configuration",
            "get_function_event_invoke_config",
        )
    )
)
def missing_versions(story: Story) -> None:
    story.create()
    label = "version_not_found_exception"
    story(label, story.parameter, FunctionName="f", Qualifier="1221")


@scenario("TestLambdaFunction::test_delete_on_nonexisting_version")
def deleting_missing_ones(story: Story) -> None:
    label = "delete_function_response_non_existent"
    story(label, "delete_function", FunctionName="f")
    story(f"{label}_with_qualifier", "delete_function", FunctionName="f", Qualifier="1")


@scenario(*(f"TestLambdaFunction::test_ops_on_nonexisting_fn[{one}]" for one in OF_FUNCTIONS))
def missing_functions(story: Story) -> None:
    story("not_found_exception", story.parameter, FunctionName="missing")


@scenario(*(f"TestLambdaFunction::test_get_function_wrong_region[{one}]" for one in OF_FUNCTIONS))
def elsewhere(story: Story) -> None:
    arn = story.arn(region="eu-west-1")
    story("wrong_region_exception", story.parameter, FunctionName=arn)


@scenario("TestLambdaFunction::test_get_function_wrong_region[invoke]")
def invoking_elsewhere(story: Story) -> None:
    story("wrong_region_exception", "invoke", FunctionName=story.arn(region="eu-west-1"))


@scenario("TestLambdaFunction::test_lambda_code_location_zipfile")
def code_of_a_file(story: Story) -> None:
    story.create("create-response-zip-file")
    story("get-function-response", "get_function", FunctionName="f")
    story("update-function-response", "update_function_code", FunctionName="f", ZipFile=code(2))
    story("get-function-response-updated", "get_function", FunctionName="f")


@scenario("TestLambdaFunction::test_lambda_code_location_s3")
def code_of_an_object(story: Story) -> None:
    s3, bucket = story.make("s3"), f"code-{story.account}"
    s3.create_bucket(Bucket=bucket)
    place = {"S3Bucket": bucket, "S3Key": "code.zip"}
    s3.put_object(Bucket=bucket, Key="code.zip", Body=code())
    story.create("create_response_s3", Code=place)
    story("get-function-response", "get_function", FunctionName="f")
    s3.put_object(Bucket=bucket, Key="code.zip", Body=code(2))
    story("update-function-response", "update_function_code", FunctionName="f", **place)
    story("get-function-response-updated", "get_function", FunctionName="f")


@scenario("TestLambdaFunction::test_lambda_code_location_s3_errors")
def code_that_is_not_there(story: Story) -> None:
    bucket = f"code-{story.account}"
    story.make("s3").create_bucket(Bucket=bucket)
    nowhere = {"S3Bucket": f"some-{bucket}", "S3Key": "code.zip"}
    nothing = {"S3Bucket": bucket, "S3Key": "code.zip"}
    story.create("create-error-wrong-bucket", Code=nowhere)
    story.create("create-error-wrong-key", Code=nothing)
    story.create()
    story("update-error-wrong-bucket", "update_function_code", FunctionName="f", **nowhere)
    story("update-error-wrong-key", "update_function_code", FunctionName="f", **nothing)


@scenario("TestLambdaFunction::test_create_lambda_exceptions")
def creating_nonsense(story: Story) -> None:
    story.create("invalid_role_arn_exc", Role="r1")
    story.create("invalid_runtime_exc", Runtime="non-existent-runtime")
    story.create("uppercase_runtime_exc", Runtime="PYTHON3.9")
    story.create("empty_architectures", Architectures=[])
    story.create("multiple_architectures", Architectures=["x86_64", "arm64"])
    story.create("uppercase_architecture", Architectures=["X86_64"])
    story.create("invalid_zip_exc", Code={"ZipFile": b"this is not a zipfile"})


@scenario("TestLambdaFunction::test_update_lambda_exceptions")
def updating_nonsense(story: Story) -> None:
    story.create()
    for label, change in (
        ("invalid_role_arn_exc", {"Role": "r1"}),
        ("invalid_runtime_exc", {"Runtime": "non-existent-runtime"}),
        ("uppercase_runtime_exc", {"Runtime": "PYTHON3.9"}),
    ):
        story(label, "update_function_configuration", FunctionName="f", **change)


@scenario(
    *(
        f"TestRuntimeValidation::test_create_deprecated_function_runtime_with_validation_enabled[{one}]"
        for one in (
            *("java8", "go1.x", "provided", "ruby2.7", "nodejs14.x", "python3.7"),
            *("dotnetcore3.1", "nodejs12.x"),
        )
    )
)
def deprecated(story: Story) -> None:
    story.create("deprecation_error", Runtime=story.parameter)


@scenario("TestLambdaFunction::test_list_functions")
def lists(story: Story) -> None:
    story.create("create_response_1", "f-1", Publish=True)
    story.create("create_response_2", "f-2", Code={"ZipFile": code(2)})
    label = "list_functions_invalid_functionversion"
    story(label, "list_functions", FunctionVersion="invalid")
    for label, request in (("list_all", {"FunctionVersion": "ALL"}), ("list_default", {})):
        story.said[label] = {"Functions": story.do("list_functions", **request)["Functions"]}


@scenario("TestLambdaFunction::test_function_arns")
def arns(story: Story) -> None:
    story.create("create-function-arn-response", story.arn("f1"))
    partial = f"{story.account}:function:f2"
    label = "create-function-partial-arn-response"
    story.create(label, partial, Code={"ZipFile": code(2)})
    story.create("invalid_function_name_exc", "invalid:function:name")
    story.create("long_function_name_exc", "a" * 65)
    story.create("long_function_arn_exc", story.arn("a" * 100))
    story.create("function_arn_other_region_exc", story.arn(region="ap-southeast-1"))
    other = story.arn().replace(story.account, "123456789012")
    story.create("function_arn_other_account_exc", other)


@scenario("TestLambdaFunction::test_invalid_invoke")
def invoking_nonsense(story: Story) -> None:
    name = "arn:aws:lambda:us-east-1:123400000000@function:myfn"
    story("invoke_function_name_pattern_exc", "invoke", FunctionName=name)


@scenario("TestLambdaFunction::test_vpc_config")
def networks(story: Story) -> None:
    def network(number: int) -> dict[str, object]:
        return {"SubnetIds": [f"subnet-{number}"], "SecurityGroupIds": [f"sg-{number}"]}

    story.create("create_response", VpcConfig=network(1))
    story("get_function_response", "get_function", FunctionName="f")
    for step, changed in (
        ("update", network(2)),
        ("delete", {"SubnetIds": [], "SecurityGroupIds": []}),
    ):
        label = f"{step}_vpcconfig"
        ask = {"FunctionName": "f", "VpcConfig": changed}
        story(f"{label}_update_response", "update_function_configuration", **ask)
        story(f"{label}_get_function_response", "get_function", FunctionName="f")


@scenario("TestLambdaFunction::test_invalid_vpc_config_subnet")
def networks_of_nonsense(story: Story) -> None:
    label, network = "create-response-invalid-format-subnet-id", ["bad_subnet"]
    story.create(label, VpcConfig={"SubnetIds": network, "SecurityGroupIds": ["sg-1"]})


@scenario("TestLambdaFunction::test_invalid_vpc_config_security_group")
def groups_of_nonsense(story: Story) -> None:
    label, groups = "create-response-invalid-format-security-group", ["bad_sg"]
    story.create(label, VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": groups})


@scenario("TestLambdaImages::test_lambda_zip_file_to_image")
def no_image(story: Story) -> None:
    story.create("create-image-response")
    image = {"ImageUri": f"{story.account}.dkr.ecr.us-east-1.amazonaws.com/image:1"}
    for tail in ("", "-after-update"):
        if tail:
            story("zipfile-to-image-error", "update_function_code", FunctionName="f", **image)
        story(f"get-function-code-response{tail}", "get_function", FunctionName="f")
        label = f"get-function-config-response{tail}"
        story(label, "get_function_configuration", FunctionName="f")


# --- logs and SnapStart

WITH_SNAPSHOTS = ("java11", "java17", "java21", "java25", "python3.12", "python3.13")


@scenario(
    "TestLoggingConfig::test_function_advanced_logging_configuration",
    "TestLoggingConfig::test_advanced_logging_configuration_format_switch",
    *(
        f"TestLoggingConfig::test_function_partial_advanced_logging_configuration_update[partial_config{n}]"
        for n in range(4)
    ),
)
def logs(story: Story) -> None:
    changes: dict[str, list[dict[str, str]]] = {
        "configuration": [{"LogGroup": "cool_lambda"}],
        "switch": [{"LogFormat": "JSON"}, {"LogFormat": "Text"}],
        "partial_config0]": [{"LogFormat": "JSON"}],
        "partial_config1]": [{"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}],
        "partial_config2]": [{"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}],
        "partial_config3]": [{"LogGroup": "cool_lambda"}],
    }
    story.create("create_response")
    story("get_function_response", "get_function", FunctionName="f")
    story("function_config", "get_function_configuration", FunctionName="f")
    (asked,) = (found for tail, found in changes.items() if story.name.endswith(tail))
    for tail, change in zip(("", "_v2"), asked, strict=False):
        request = {"FunctionName": "f", "LoggingConfig": change}
        story(f"updated_config{tail}", "update_function_configuration", **request)
        story(f"received_config{tail}", "get_function_configuration", FunctionName="f")


@scenario("TestLambdaSnapStart::test_snapstart_exceptions")
def no_such_snapshot(story: Story) -> None:
    label = "create_function_invalid_snapstart_apply"
    story.create(label, SnapStart={"ApplyOn": "invalidOption"})


@scenario(
    *(f"TestLambdaSnapStart::test_snapstart_lifecycle[{one}]" for one in WITH_SNAPSHOTS),
)
def snapshots(story: Story) -> None:
    story.create("create_function_response", SnapStart=None)
    story.do("publish_version", FunctionName="f", Description="version1")
    story("get_function_response_latest", "get_function", FunctionName="f")
    label = "get_function_response_version_1"
    story(label, "get_function", FunctionName="f", Qualifier="1")


@scenario(
    *(
        f"TestLambdaSnapStart::test_snapstart_update_function_configuration[{one}]"
        for one in WITH_SNAPSHOTS
    ),
)
def snapshots_from_now_on(story: Story) -> None:
    story.create("create_function_response", SnapStart=None)
    asked = {"FunctionName": "f", "SnapStart": {"ApplyOn": "PublishedVersions"}}
    story("update_function_response", "update_function_configuration", **asked)


# --- sizes


@scenario("TestLambdaSizeLimits::test_large_environment_variables_fails")
def a_large_variable(story: Story) -> None:
    told = story.recorded["failed_create_fn_result"]["message"]
    large = told.split('"LARGE_VAR":"')[1].rstrip('"}')
    story.create("failed_create_fn_result", Environment={"Variables": {"LARGE_VAR": large}})


@scenario("TestLambdaSizeLimits::test_large_environment_fails_multiple_keys")
def many_large_variables(story: Story) -> None:
    told = story.recorded["failured_create_fn_result_multi_key"]["message"]
    large = told.split('"LARGE_VAR":"')[1].rstrip('"}')
    variables = {"SMALL_VAR": "ok", "LARGE_VAR": large}
    label = "failured_create_fn_result_multi_key"
    story.create(label, Environment={"Variables": variables})


@scenario("TestLambdaSizeLimits::test_lambda_envvars_near_limit_succeeds")
def as_large_as_can_be(story: Story) -> None:
    story.create("successful_create_fn_result")
