"""Recorded scenarios of Lambda's control plane that are not rebuilt, one by one, and why."""

from __future__ import annotations

_BY_REASON: dict[str, tuple[str, ...]] = {
    "sizes of packages whose bytes are not recorded": (
        "TestLambdaAccountSettings::test_account_settings_total_code_size",
    ),
    "of Kafka and Kinesis, which are not here": (
        "TestLambdaEventSourceMappings::test_create_event_source_self_managed",
        "TestLambdaEventSourceMappings::test_create_event_source_validation_kinesis",
    ),
    "of mappings at work: tests/lambda_/mappings has their states": (
        "TestLambdaEventSourceMappings::test_event_source_mapping_lifecycle",
        "TestLambdaEventSourceMappings::test_event_source_mapping_lifecycle_delete_function",
    ),
    "an update is in place when it is answered, so none is ever in progress": (
        "TestLambdaFunction::test_lambda_concurrent_code_updates",
        "TestLambdaFunction::test_lambda_concurrent_config_updates",
    ),
    "of container images, which are refused by name": (
        "TestLambdaImages::test_lambda_image_and_image_config_crud",
        "TestLambdaImages::test_lambda_image_crud",
        "TestLambdaImages::test_lambda_image_versions",
    ),
    "no answer was recorded": (
        "TestLambdaPermissions::test_add_lambda_permission_optional_fields",
        "TestPartialARNMatching::test_cross_region_arn_function_access",
        "TestPartialARNMatching::test_update_function_configuration_full_arn",
    ),
    "recorded before policies had revisions of their own": (
        "TestLambdaPermissions::test_lambda_permission_revisions",
        "TestLambdaPermissions::test_lambda_permission_versioning",
    ),
    "of packages too large for a test; tests/lambda_/test_functions.py has the limits with others": (
        "TestLambdaSizeLimits::test_large_lambda",
        "TestLambdaSizeLimits::test_oversized_lambda",
        "TestLambdaSizeLimits::test_oversized_request_create_lambda",
        "TestLambdaSizeLimits::test_oversized_unzipped_lambda",
        "TestLambdaSizeLimits::test_oversized_zipped_create_lambda",
    ),
    "of .NET, which is refused by name": (
        "TestLambdaSnapStart::test_snapstart_lifecycle[dotnet10]",
        "TestLambdaSnapStart::test_snapstart_lifecycle[dotnet8]",
        "TestLambdaSnapStart::test_snapstart_update_function_configuration[dotnet10]",
        "TestLambdaSnapStart::test_snapstart_update_function_configuration[dotnet8]",
    ),
    "recorded twice; the other one is rebuilt": ("TestLambdaTag::test_tag_lifecycle",),
}

NOT_REBUILT: dict[str, str] = {
    name: reason for reason, names in _BY_REASON.items() for name in names
}
