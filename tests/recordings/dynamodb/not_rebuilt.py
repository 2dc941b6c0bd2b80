"""Recorded scenarios of DynamoDB, and of others that have a part of it, that are not rebuilt: one by one, and why."""

from __future__ import annotations

_WHY: dict[tuple[str, str], tuple[str, ...]] = {
    ("test_dynamodb", "no answer was recorded"): (
        "test_dynamodb_streams_describe_with_exclusive_start_shard_id",
        "test_stream_destination_records",
    ),
    ("test_dynamodb", "keys of KMS are refused by name"): (
        "test_dynamodb_create_table_with_partial_sse_specification",
        "test_dynamodb_update_table_without_sse_specification_change",
    ),
    ("test_dynamodb_streams", "read from a stream of Kinesis, of which there are none here"): (
        "test_enable_kinesis_streaming_destination",
    ),
    (
        "test_dynamodb_streams",
        "a global table made by a stack of CloudFormation, which is not here",
    ): ("test_table_v2_stream",),
    ("test_apigateway_dynamodb", "integrations of APIs with services, which are refused by name"): (
        "test_error_aws_proxy_not_supported",
        "test_rest_api_to_dynamodb_integration[PutItem]",
        "test_rest_api_to_dynamodb_integration[Query]",
        "test_rest_api_to_dynamodb_integration[Scan]",
    ),
    ("test_conditions", "stacks of CloudFormation, which is not here"): (
        "test_conditional_resource_referencing_conditional",
    ),
    ("test_dynamodb", "stacks of CloudFormation, which is not here"): (
        "test_billing_mode_as_conditional[PAY_PER_REQUEST]",
        "test_billing_mode_as_conditional[PROVISIONED]",
        "test_default_name_for_table",
        "test_global_table",
        "test_global_table_with_ttl_and_sse",
        "test_table_with_ttl_and_sse",
        "test_ttl_cdk",
    ),
    ("test_kinesis", "stacks of CloudFormation, which is not here"): (
        "test_dynamodb_stream_response_with_cf",
    ),
    ("test_lambda", "stacks of CloudFormation, which is not here"): (
        "test_cfn_lambda_dynamodb_source",
        "test_lambda_w_dynamodb_event_filter_update",
    ),
    ("test_events_patterns", "events of EventBridge, which is not here; no answer was recorded"): (
        "test_event_pattern[dynamodb]",
        "test_event_pattern[exists_dynamodb]",
        "test_event_pattern[exists_dynamodb_NEG]",
    ),
    ("test_iam", "stacks of CloudFormation, which is not here"): (
        "test_managed_policy_with_empty_resource",
    ),
    (
        "test_lambda_integration_dynamodbstreams",
        "event source mappings, which are not here; what they read is in the tests of streams",
    ): (
        "test_deletion_event_source_mapping_with_dynamodb",
        "test_disabled_dynamodb_event_source_mapping",
        "test_duplicate_event_source_mappings",
        "test_dynamodb_event_filter[content_filter_type]",
        "test_dynamodb_event_filter[content_multiple_filters]",
        "test_dynamodb_event_filter[content_or_filter]",
        "test_dynamodb_event_filter[date_time_conversion]",
        "test_dynamodb_event_filter[exists_false_filter]",
        "test_dynamodb_event_filter[exists_filter_type]",
        "test_dynamodb_event_filter[insert_same_entry_twice]",
        "test_dynamodb_event_filter[numeric_filter]",
        "test_dynamodb_event_filter[prefix_filter]",
        "test_dynamodb_event_source_mapping",
        "test_dynamodb_event_source_mapping_with_on_failure_destination_config",
        "test_dynamodb_event_source_mapping_with_s3_on_failure_destination",
        "test_dynamodb_event_source_mapping_with_sns_on_failure_destination_config",
        'test_dynamodb_invalid_event_filter[[{"eventName": ["INSERT"=123}]]',
        "test_dynamodb_invalid_event_filter[single-string]",
        "test_dynamodb_report_batch_item_failure_scenarios[empty_string_item_identifier_failure]",
        "test_dynamodb_report_batch_item_failure_scenarios[invalid_key_foo_failure]",
        "test_dynamodb_report_batch_item_failure_scenarios[invalid_key_foo_null_value_failure]",
        "test_dynamodb_report_batch_item_failure_scenarios[item_identifier_not_present_failure]",
        "test_dynamodb_report_batch_item_failure_scenarios[null_item_identifier_failure]",
        "test_dynamodb_report_batch_item_failure_scenarios[unhandled_exception_in_function]",
        "test_dynamodb_report_batch_item_failures",
        "test_dynamodb_report_batch_item_failures_with_on_failure_destination_config",
        "test_dynamodb_report_batch_item_success_scenarios[empty_batch_item_failure_success]",
        "test_dynamodb_report_batch_item_success_scenarios[empty_dict_success]",
        "test_dynamodb_report_batch_item_success_scenarios[empty_list_success]",
        "test_dynamodb_report_batch_item_success_scenarios[null_batch_item_failure_success]",
        "test_dynamodb_report_batch_item_success_scenarios[null_success]",
        "test_esm_with_not_existing_dynamodb_stream",
    ),
    (
        "test_lambda_api",
        "event source mappings, which are not here; what they read is in the tests of streams",
    ): (
        "test_create_event_filter_criteria_validation",
        "test_create_event_source_validation",
        "test_event_source_mapping_lifecycle",
        "test_event_source_mapping_lifecycle_delete_function",
    ),
    ("test_s3_notifications_lambda", "done by a function whose code is not recorded"): (
        "test_create_object_by_presigned_request_via_dynamodb",
        "test_create_object_put_via_dynamodb",
    ),
    ("test_bookstore", "stacks of CloudFormation, which is not here"): ("test_lambda_dynamodb",),
    ("test_loan_broker", "stacks of CloudFormation, which is not here"): (
        "test_prefill_dynamodb_table",
    ),
    ("test_mythical_misfits", "stacks of CloudFormation, which is not here"): (
        "test_deployed_infra_state",
    ),
    ("test_note_taking", "stacks of CloudFormation, which is not here"): (
        "test_validate_infra_setup",
    ),
    ("test_aws_sdk", "state machines, which are not here"): (
        "test_dynamodb_invalid_param",
        "test_dynamodb_put_item_no_such_table",
    ),
    ("test_task_service_dynamodb", "state machines, which are not here"): (
        "test_invalid_param",
        "test_put_item_invalid_table_name",
        "test_put_item_no_such_table",
    ),
    ("test_base_scenarios", "state machines, which are not here"): ("test_dynamodb_put_get_item",),
    ("test_aws_sdk_task_service", "state machines, which are not here"): (
        "test_dynamodb_put_delete_item",
        "test_dynamodb_put_get_item",
        "test_dynamodb_put_update_get_item",
    ),
    ("test_dynamodb_task_service", "state machines, which are not here"): (
        "test_base_integrations[DYNAMODB_PUT_DELETE_ITEM]",
        "test_base_integrations[DYNAMODB_PUT_GET_ITEM]",
        "test_base_integrations[DYNAMODB_PUT_QUERY]",
        "test_base_integrations[DYNAMODB_PUT_UPDATE_GET_ITEM]",
        "test_invalid_integration",
    ),
    ("test_field_validation_mode", "state machines, which are not here"): (
        "test_strict_mode_dynamodb_task[wrong_float_type_string]",
    ),
    ("test_field_validation_mode_present", "state machines, which are not here"): (
        "test_present_mode_dynamodb_task[wrong_float_type_string]",
    ),
    ("test_test_state_mock_scenarios", "state machines, which are not here"): (
        "test_io_dynamodb_service_task_mock_success[base]",
        "test_io_dynamodb_service_task_mock_success[io]",
        "test_io_dynamodb_service_task_mock_success[io_output_path]",
    ),
}
"""The file of a recording and a reason -> its scenarios."""

NOT_REBUILT = {(file, name): why for (file, why), names in _WHY.items() for name in names}
