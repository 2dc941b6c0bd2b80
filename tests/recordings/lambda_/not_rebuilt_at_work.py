"""Recorded scenarios of Lambda at work that are not rebuilt, one by one, and why."""

from __future__ import annotations

_BY_REASON: dict[str, tuple[str, ...]] = {
    "recorded twice; a later one is rebuilt": (
        "TestSQSEventSourceMapping::test_sqs_event_filter[and-filter]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[exists-filter]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[filter0-item_matching0-item_not_matching0]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[filter1-item_matching1-item_not_matching1]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[filter2-item_matching2-item_not_matching2]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[filter3-item_matching3-item_not_matching3]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[filter4-item_matching4-this is a test string]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[filter5-item_matching5-item_not_matching5]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[filter6-item_matching6-item_not_matching6]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[filter7-item_matching7-item_not_matching7]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[numeric-prefix]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[or-filter]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[single-filter]",
    ),
    "as those that are rebuilt, of another size": (
        "TestSQSEventSourceMapping::test_sqs_event_source_mapping_batch_size[100]",
        "TestSQSEventSourceMapping::test_sqs_event_source_mapping_batch_size[1000]",
    ),
    "no answer was recorded": (
        "TestSQSEventSourceMapping::test_sqs_event_filter[plain-string-filter]",
        "TestSQSEventSourceMapping::test_sqs_event_filter[plain-string-matching]",
        "TestSQSEventSourceMapping::test_sqs_event_source_mapping_batching_behaviour[100]",
    ),
    "of topics, which are refused by name": (
        "TestDynamoDBEventSourceMapping::test_dynamodb_event_source_mapping_with_sns_on_failure_destination_config",
    ),
    "of event buses, which are refused by name": (
        "TestLambdaDestinationEventbridge::test_invoke_lambda_eventbridge",
    ),
    "of CloudFormation, which is not here": ("test_adding_tags",),
    "of Kinesis, which is refused by name": (
        "TestKinesisEventFiltering::test_kinesis_event_filtering_json_pattern",
        "TestKinesisSource::test_create_kinesis_event_source_mapping",
        "TestKinesisSource::test_create_kinesis_event_source_mapping_multiple_lambdas_single_kinesis_event_stream",
        "TestKinesisSource::test_disable_kinesis_event_source_mapping",
        "TestKinesisSource::test_duplicate_event_source_mappings",
        "TestKinesisSource::test_esm_with_not_existing_kinesis_stream",
        "TestKinesisSource::test_kinesis_empty_provided",
        "TestKinesisSource::test_kinesis_event_source_mapping_with_async_invocation",
        "TestKinesisSource::test_kinesis_event_source_mapping_with_on_failure_destination_config",
        "TestKinesisSource::test_kinesis_event_source_mapping_with_s3_on_failure_destination",
        "TestKinesisSource::test_kinesis_event_source_mapping_with_sns_on_failure_destination_config",
        "TestKinesisSource::test_kinesis_event_source_trim_horizon",
        "TestKinesisSource::test_kinesis_maximum_record_age_exceeded[expire-before-ingestion]",
        "TestKinesisSource::test_kinesis_maximum_record_age_exceeded[expire-while-retrying]",
        "TestKinesisSource::test_kinesis_maximum_record_age_exceeded_discard_records",
        "TestKinesisSource::test_kinesis_report_batch_item_failure_scenarios[empty_string_item_identifier_failure]",
        "TestKinesisSource::test_kinesis_report_batch_item_failure_scenarios[invalid_key_foo_failure]",
        "TestKinesisSource::test_kinesis_report_batch_item_failure_scenarios[invalid_key_foo_null_value_failure]",
        "TestKinesisSource::test_kinesis_report_batch_item_failure_scenarios[item_identifier_not_present_failure]",
        "TestKinesisSource::test_kinesis_report_batch_item_failure_scenarios[null_item_identifier_failure]",
        "TestKinesisSource::test_kinesis_report_batch_item_failure_scenarios[unhandled_exception_in_function]",
        "TestKinesisSource::test_kinesis_report_batch_item_failures",
        "TestKinesisSource::test_kinesis_report_batch_item_success_scenarios[empty_batch_item_failure_success]",
        "TestKinesisSource::test_kinesis_report_batch_item_success_scenarios[empty_dict_success]",
        "TestKinesisSource::test_kinesis_report_batch_item_success_scenarios[empty_list_success]",
        "TestKinesisSource::test_kinesis_report_batch_item_success_scenarios[empty_string_success]",
        "TestKinesisSource::test_kinesis_report_batch_item_success_scenarios[null_batch_item_failure_success]",
        "TestKinesisSource::test_kinesis_report_batch_item_success_scenarios[null_success]",
    ),
}

NOT_REBUILT: dict[str, str] = {
    name: reason for reason, names in _BY_REASON.items() for name in names
}
