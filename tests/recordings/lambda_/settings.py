"""What is set beside a function: addresses, concurrency, loops, and what becomes of its events."""

from __future__ import annotations

from typing import Any

from recordings.lambda_.story import Story, scenario

# --- concurrency and loops


@scenario("TestLambdaReservedConcurrency::test_function_concurrency")
def reserved(story: Story) -> None:
    story.create()
    for number in (0, 1):
        label = f"put_function_concurrency_with_reserved_{number}"
        request = {"FunctionName": "f", "ReservedConcurrentExecutions": number}
        story(label, "put_function_concurrency", **request)
    story("get_function_concurrency", "get_function_concurrency", FunctionName="f")
    story("delete_response", "delete_function_concurrency", FunctionName="f")
    label = "get_function_concurrency_after_delete"
    story(label, "get_function_concurrency", FunctionName="f")


@scenario("TestLambdaReservedConcurrency::test_function_concurrency_exceptions")
def reserved_for_nobody(story: Story) -> None:
    story.create(Publish=True)
    put = "put_function_concurrency"
    label = f"{put}_with_function_name_doesnotexist"
    story(label, put, FunctionName="doesnotexist", ReservedConcurrentExecutions=1)
    label += "_and_invalid_concurrency"
    story(label, put, FunctionName="doesnotexist", ReservedConcurrentExecutions=-1)
    label = f"{put}_with_qualified_arn"
    story(label, put, FunctionName=story.arn("f:1"), ReservedConcurrentExecutions=1)


@scenario("TestLambdaReservedConcurrency::test_function_concurrency_limits")
def more_than_there_is(story: Story) -> None:
    story.create()
    put = "put_function_concurrency"
    for tail, number in (("account_limit_exceeded", 1001), ("below_unreserved_min_value", 1000)):
        story(f"{put}_{tail}", put, FunctionName="f", ReservedConcurrentExecutions=number)


@scenario(
    *(
        f"TestLambdaRecursion::test_put_function_recursion_config_{tail}"
        for tail in ("allow", "default_terminate", "invalid_value")
    )
)
def loops(story: Story) -> None:
    story.create()
    put, get = "put_function_recursion_config", "get_function_recursion_config"
    if story.name.endswith("invalid_value"):
        request = {"FunctionName": "f", "RecursiveLoop": "InvalidValue"}
        story("put_recursion_invalid_value_error", put, **request)
    elif story.name.endswith("terminate"):
        story("get_recursion_default_terminate_response", get, FunctionName="f")
    else:
        story("put_recursion_config_response", put, FunctionName="f", RecursiveLoop="Allow")
        story("get_recursion_config_response", get, FunctionName="f")


@scenario("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_exceptions")
def provisioned_for_nobody(story: Story) -> None:
    story.create()
    story("publish_version_result", "publish_version", FunctionName="f")
    nowhere = {"FunctionName": "doesnotexist"}
    for verb in ("get", "delete", "put"):
        operation = f"{verb}_provisioned_concurrency_config"
        more = {"ProvisionedConcurrentExecutions": 1} if verb == "put" else {}

        def ask(
            tail: str,
            qualifier: str,
            name: str = "f",
            *,
            operation: str = operation,
            verb: str = verb,
            more: dict[str, int] = more,
        ) -> None:
            request = {"FunctionName": name, "Qualifier": qualifier, **more}
            story(f"{verb}_provisioned_{tail}", operation, **request)

        if verb == "put":
            zero = {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": 0}
            story("put_provisioned_invalid_param_0", operation, **zero)
            ask("functionname_doesnotexist_alias", "noalias", "doesnotexist")
            ask("functionname_doesnotexist_version", "1", "doesnotexist")
            ask("qualifier_doesnotexist", "doesnotexist")
        else:
            ask("config_doesnotexist", "1")
            missing = "noalias" if verb == "get" else "1"
            ask("functionname_doesnotexist", missing, "doesnotexist")
            ask("qualifier_doesnotexist", "noalias")
        ask("version_doesnotexist", "10")
        ask("latest", "$LATEST")
    listing = "list_provisioned_concurrency_configs"
    story("list_provisioned_noconfigs", listing, FunctionName="f")
    story("list_provisioned_functionname_doesnotexist", listing, **nowhere)


@scenario("TestLambdaProvisionedConcurrency::test_provisioned_concurrency_limits")
def more_provisioned_than_there_is(story: Story) -> None:
    story.create(Publish=True)
    for tail, number in (("account_limit_exceeded", 1001), ("below_unreserved_min_value", 1000)):
        request = {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": number}
        label = f"put_provisioned_concurrency_{tail}"
        story(label, "put_provisioned_concurrency_config", **request)


@scenario("TestLambdaProvisionedConcurrency::test_lambda_provisioned_lifecycle")
def provisioned(story: Story) -> None:
    story.create()
    story("publish_version_result", "publish_version", FunctionName="f")
    named = {"FunctionName": "f", "Name": "alias-1"}
    story("create_alias_result", "create_alias", FunctionVersion="1", **named)
    version = {"FunctionName": "f", "Qualifier": "1"}
    alias = {"FunctionName": "f", "Qualifier": "alias-1"}
    operation, one = "provisioned_concurrency_config", {"ProvisionedConcurrentExecutions": 1}
    story("put_provisioned_on_version", f"put_{operation}", **version, **one)
    story("put_provisioned_on_alias_versionconflict", f"put_{operation}", **alias, **one)
    story("delete_provisioned_version", f"delete_{operation}", **version)
    story("get_provisioned_version_postdelete", f"get_{operation}", **version)
    story("put_provisioned_on_alias", f"put_{operation}", **alias, **one)
    story("put_provisioned_on_version_conflict", f"put_{operation}", **version, **one)
    story("delete_alias_result", "delete_alias", **named)
    story("get_provisioned_alias_postaliasdelete", f"get_{operation}", **alias)
    story("list_response_postdeletes", f"list_{operation}s", FunctionName="f")


# --- addresses


@scenario("TestLambdaUrl::test_url_config_lifecycle")
def addresses(story: Story) -> None:
    story.create()
    open_to_all = {"FunctionName": "f", "AuthType": "NONE"}
    story("url_creation", "create_function_url_config", **open_to_all)
    story("failed_duplication", "create_function_url_config", **open_to_all)
    story("get_url_config", "get_function_url_config", FunctionName="f")
    request = {"FunctionName": "f", "AuthType": "AWS_IAM"}
    story("updated_url_config", "update_function_url_config", **request)
    story.do("delete_function_url_config", FunctionName="f")
    story("failed_getter", "get_function_url_config", FunctionName="f")


def version_and_alias(story: Story) -> dict[str, str]:
    found = story.recorded["fn_version_result"]
    story.create(Runtime=found["Runtime"], Handler=found["Handler"])
    story("fn_version_result", "publish_version", FunctionName="f")
    named = {"FunctionName": "f", "Name": "urlalias"}
    story("create_alias_result", "create_alias", FunctionVersion="1", **named)
    return {"FunctionName": "f", "Qualifier": "urlalias"}


@scenario("TestLambdaUrl::test_url_config_list_paging")
def addresses_of_aliases(story: Story) -> None:
    alias = version_and_alias(story)
    listing = "list_function_url_configs"
    story("list_function_notfound", listing, FunctionName="doesnotexist")
    story("list_all_empty", listing, FunctionName="f")
    story("url_config_fn", "create_function_url_config", FunctionName="f", AuthType="NONE")
    story("url_config_alias", "create_function_url_config", AuthType="NONE", **alias)
    story("list_all", listing, FunctionName="f")


@scenario("TestLambdaUrl::test_url_config_deletion_without_qualifier")
def an_address_that_goes(story: Story) -> None:
    story.create()
    story.do("create_alias", FunctionName="f", Name="test-alias", FunctionVersion="$LATEST")
    alias = {"FunctionName": "f", "Qualifier": "test-alias"}
    create, get = "create_function_url_config", "get_function_url_config"
    story("url_creation", create, FunctionName="f", AuthType="NONE")
    story("url_with_alias_creation", create, AuthType="NONE", **alias)
    story("get_url_config", get, FunctionName="f")
    story("get_url_config_with_alias", get, **alias)
    story("delete_function_url_config", "delete_function_url_config", FunctionName="f")
    story("get_url_config_after_deletion", get, FunctionName="f")
    story("get_url_config_with_alias_after_deletion", get, **alias)


@scenario("TestLambdaUrl::test_url_config_exceptions")
def addresses_of_nonsense(story: Story) -> None:
    version_and_alias(story)
    for verb in ("create", "get", "delete", "update"):
        operation = f"{verb}_function_url_config"
        more = {"AuthType": "NONE"} if verb in ("create", "update") else {}
        cases = {
            "name_doesnotexist": ("doesnotexist", None),
            "arn_doesnotexist": (story.arn("doesnotexist"), None),
            "name_doesnotexist_qualifier": ("doesnotexist", "1"),
            "qualifier_version": ("f", "1"),
            "qualifier_version_doesnotexist": ("f", "2"),
            "qualifier_alias_doesnotexist": ("f", "doesnotexist"),
            "qualifier_alias_doesnotmatch_arn": (story.arn("f:urlalias-2"), "urlalias"),
            "qualifier_latest": ("f", "$LATEST"),
            **({} if verb == "create" else {"config_doesnotexist": ("f", None)}),
        }
        for tail, (name, qualifier) in cases.items():
            request: dict[str, Any] = {"FunctionName": name, **more}
            if qualifier is not None:
                request["Qualifier"] = qualifier
            story(f"{operation}_{tail}", operation, **request)


# --- events


@scenario("TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_lifecycle")
def events(story: Story) -> None:
    story.create()
    operation = "function_event_invoke_config"
    here = {"FunctionName": "f"}
    for label, verb, more in (
        ("put_invokeconfig_retries_0", "put", {"MaximumRetryAttempts": 0}),
        ("put_invokeconfig_eventage_60", "put", {"MaximumEventAgeInSeconds": 60}),
        ("update_invokeconfig_eventage_nochange", "update", {"MaximumEventAgeInSeconds": 60}),
        ("update_invokeconfig_retries", "update", {"MaximumRetryAttempts": 1}),
        ("get_invokeconfig", "get", {}),
        ("get_invokeconfig_latest", "get", {"Qualifier": "$LATEST"}),
    ):
        story(label, f"{verb}_{operation}", **here, **more)
    story("list_single_invokeconfig", f"list_{operation}s", **here)
    story("publish_version_result", "publish_version", **here)
    first = {"FunctionName": "f", "Qualifier": "1"}
    story("get_invokeconfig_postpublish", f"get_{operation}", **first)
    story("put_published_invokeconfig", f"put_{operation}", MaximumEventAgeInSeconds=120, **first)
    story("get_published_invokeconfig", f"get_{operation}", **first)
    story.do(f"delete_{operation}", **here)
    story("list_paging_nolimit_postdelete", f"list_{operation}s", **here)


@scenario("TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions")
def events_of_nonsense(story: Story) -> None:
    story.create()
    story.create(None, "g")
    story("fn_version_result", "publish_version", FunctionName="f")
    alias = "eventinvokealias"
    request = {"FunctionName": "f", "Name": alias, "FunctionVersion": "1"}
    story("fn_alias_result", "create_alias", **request)
    operation = "function_event_invoke_config"

    def put(
        label: str, name: str = "f", qualifier: str = "", verb: str = "put", **more: Any
    ) -> None:
        asked = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {}), **more}
        story(label, f"{verb}_{operation}", **asked)

    def told(label: str, destination: str, of: str = "OnSuccess") -> None:
        put(label, DestinationConfig={of: {"Destination": destination}})

    once = {"MaximumRetryAttempts": 1}
    put("put_functionname_name_notfound", "doesnotexist", **once)
    put("put_functionname_arn_notfound", story.arn("doesnotexist"), **once)
    put("put_functionname_nootherargs")
    told("put_destination_lambda_doesntexist", story.arn("doesnotexist"))
    told("put_destination_recursive", story.arn())
    told("put_destination_other_lambda", story.arn("g"))
    told("put_destination_invalid_service_arn", story.arn().replace(":lambda:", ":iam:"))
    for of in ("success", "failure"):
        empty: dict[str, Any] = {f"On{of.capitalize()}": {}}
        put(f"put_destination_{of}_no_destination_arn", DestinationConfig=empty)
    wrong = story.arn().replace(":lambda:", ":_-/!lambda:")
    told("put_destination_invalid_arn_pattern", wrong, "OnFailure")
    put("put_destination_latest", **once)
    put("put_destination_latest_explicit_qualifier", qualifier="$LATEST", **once)
    put("put_destination_version", qualifier="1", **once)
    put("put_alias_functionname_qualifier", qualifier=alias, **once)
    put("put_alias_doesnotexist", qualifier="doesnotexist", **once)
    qualified = story.arn(f"f:{alias}")
    put("put_alias_qualifiedarn", qualified, **once)
    put("put_alias_qualifiedarn_qualifier", qualified, alias, **once)
    put("put_alias_qualifiedarn_qualifierconflict", qualified, "other", **once)
    put("put_alias_shorthand", f"f:{alias}", **once)
    put("put_alias_shorthand_qualifier", f"f:{alias}", alias, **once)
    put("put_alias_shorthand_qualifierconflict", f"f:{alias}", "other", **once)
    put("put_version_shorthand", "f:1", **once)
    put("put_shorthand_qualifier_match", "f:$LATEST", "$LATEST", **once)
    for number, (name, qualifier) in enumerate(
        (("f:$LATEST", "1"), ("f:1", "$LATEST"), (f"f:{alias}", "1")), 1
    ):
        put(f"put_shorthand_qualifier_mismatch_{number}", name, qualifier, **once)
    both = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 21_600}
    put("put_maxevent_maxvalue_result", **both)
    both["MaximumEventAgeInSeconds"] = 60
    put("put_pre_overwrite", **both)
    put("put_post_overwrite", MaximumRetryAttempts=0)
    put("second_overwrite_existing_response", MaximumRetryAttempts=0)
    put("get_post_overwrite", verb="get")
    put("pre_update_response", **both)
    put("update_response", verb="update", MaximumRetryAttempts=0)
    put("update_response_existing", verb="update", MaximumRetryAttempts=0)
    story("list_configs", f"list_{operation}s", FunctionName="f")
    for label, qualifier in (("latest", ""), ("version", "1"), ("alias", alias)):
        put(f"delete_{label}", verb="delete", qualifier=qualifier)
    story("list_configs_postdelete", f"list_{operation}s", FunctionName="f")
    put("delete_function_not_found", verb="delete")
    put("delete_function_doesnotexist", "doesnotexist", verb="delete")
    story("list_function_doesnotexist", f"list_{operation}s", FunctionName="doesnotexist")
    put("get_function_doesnotexist", "doesnotexist", verb="get")
    put("get_qualifier_doesnotexist", qualifier="doesnotexist", verb="get")
    label = "update_eventinvokeconfig"
    put(f"{label}_function_doesnotexist", "doesnotexist", verb="update", **once)
    put("get_eventinvokeconfig_doesnotexist", qualifier=alias, verb="get")
    put(f"{label}_config_doesnotexist_with_qualifier", "f", alias, "update", **once)
    put(f"{label}_config_doesnotexist_without_qualifier", "f", "", "update", **once)
