"""Recorded scenarios of functions that run which are not rebuilt, one by one, and why."""

from __future__ import annotations

COMMON = "TestLambdaRuntimesCommon::test_"
JAVA = "TestJavaRuntimes::test_"


def _of(name: str, *parameters: str) -> tuple[str, ...]:
    return tuple(f"{name}[{parameter}]" for parameter in parameters)


_DOTNET = ("dotnet6", "dotnet8", "dotnet10")
_RUBY = ("ruby3.2", "ruby3.3", "ruby3.4")
_JAVA = ("java8.al2", "java11", "java17", "java21", "java25")
_OLD = ("python3.8", "python3.9", "nodejs16.x", "nodejs18.x")
_PYTHON = ("python3.10", "python3.11", "python3.12", "python3.13", "python3.14")
_NODE = ("nodejs20.x", "nodejs22.x", "nodejs24.x")
_PROVIDED = ("provided.al2", "provided.al2023")
_CLASS = "cloud.localstack.sample.LambdaHandlerWithInterfaceAndCustom"
_ACCOUNTS = (
    *("cross_account_access", "get_lambda_layer", "get_function", "get_function_configuration"),
    *("list_versions_by_function", "function_concurrency", "function_alias", "function_tags"),
    *("function_invocation", "publish_version", "delete_function"),
)
_SAID = (
    "introspection_invoke",
    "uncaught_exception_invoke",
)

_BY_REASON: dict[str, tuple[str, ...]] = {
    "no answer was recorded": (
        *_of(
            f"{COMMON}echo_invoke",
            *(*_DOTNET, *_RUBY, *_JAVA, *_OLD, *_PYTHON, *_NODE, *_PROVIDED),
        ),
        *_of(
            "TestLambdaCallingLocalstack::test_manual_endpoint_injection",
            *(*_DOTNET, *_RUBY, *_JAVA, *_OLD, *_PYTHON[2:], *_PYTHON[:2], *_NODE),
        ),
        *_of("TestGoProvidedRuntimes::test_manual_endpoint_injection", *_PROVIDED),
        *_of("TestPythonRuntimes::test_handler_in_submodule", "python3.8", "python3.9", *_PYTHON),
        *_of(
            "TestPythonRuntimes::test_python_runtime_correct_versions",
            *("python3.8", "python3.9", *_PYTHON),
        ),
        *(f"TestLambdaMultiAccounts::test_{name}" for name in _ACCOUNTS),
        "TestLambdaBaseFeatures::test_lambda_large_response",
        "TestLambdaBaseFeatures::test_large_payloads",
        "TestLambdaURL::test_lambda_url_headers_and_status",
        "TestLambdaURL::test_lambda_url_invocation_custom_id",
        "TestLambdaURL::test_lambda_url_invocation_custom_id_aliased",
        "TestLambdaURL::test_lambda_url_non_existing_url",
        "TestRequestIdHandling::test_request_id_format",
    ),
    "of .NET, which is refused by name": tuple(
        name for what in (*_SAID, "runtime_wrapper_invoke") for name in _of(COMMON + what, *_DOTNET)
    ),
    "of Ruby, which few hosts have; tests/compute has its runtime": tuple(
        name for what in (*_SAID, "runtime_wrapper_invoke") for name in _of(COMMON + what, *_RUBY)
    ),
    "of Java, whose compiler and AWS's client few hosts have; tests/compute has its runtime": (
        *(
            name
            for what in (*_SAID, "runtime_wrapper_invoke")
            for name in _of(COMMON + what, *_JAVA)
        ),
        *_of(f"{JAVA}stream_handler", *_JAVA),
        *_of(f"{JAVA}serializable_input_object", *_JAVA),
        *_of(
            f"{JAVA}java_custom_handler_method_specification",
            f"{_CLASS}::handleRequestCustom-CUSTOM",
            f"{_CLASS}-INTERFACE",
            f"{_CLASS}::handleRequest-INTERFACE",
        ),
        f"{JAVA}java_runtime_with_lib",
        f"{JAVA}java_lambda_subscribe_sns_topic",
    ),
    "of compiled programs that are not recorded": (
        *(name for what in _SAID for name in _of(COMMON + what, *_PROVIDED)),
        *_of("TestGoProvidedRuntimes::test_uncaught_exception_invoke", *_PROVIDED),
    ),
    "of runtimes that AWS no longer updates; their successors are rebuilt": (
        *(
            name
            for what in (*_SAID, "runtime_wrapper_invoke")
            for name in _of(COMMON + what, *_OLD)
        ),
        *_of("TestNodeJSRuntimes::test_invoke_nodejs_es6_lambda", "nodejs16.x", "nodejs18.x"),
    ),
    "of what a function is told of its role; tests/lambda_/test_invocations.py": (
        "TestLambdaBaseFeatures::test_assume_role[2]",
    ),
    "as others that are rebuilt, and another start of an interpreter each": (
        *(
            f"TestLambdaFeatures::test_invocation_type_{how}[python3.9]"
            for how in ("request_response", "event", "dry_run")
        ),
        *_of(
            f"{COMMON}introspection_invoke",
            *("python3.10", "python3.12", "python3.13", "nodejs20.x", "nodejs24.x"),
        ),
        *_of(
            f"{COMMON}uncaught_exception_invoke",
            *("python3.10", "python3.11", "python3.13", "python3.14", "nodejs20.x", "nodejs24.x"),
        ),
        *_of("TestNodeJSRuntimes::test_invoke_nodejs_es6_lambda", "nodejs20.x", "nodejs24.x"),
        *_of(
            f"{COMMON}runtime_wrapper_invoke",
            *("python3.10", "python3.11", "python3.13", "python3.14", "nodejs20.x", "nodejs24.x"),
        ),
    ),
    "of a processor of another kind": ("TestLambdaBehavior::test_runtime_introspection_arm",),
    "a function without signals overran thirty seconds; here its end is told at once": (
        "TestLambdaErrors::test_lambda_runtime_exit_segfault",
    ),
    "of names that a role's session is given when its function was made by AWS's console": (
        "TestLambdaBaseFeatures::test_assume_role[1]",
    ),
    "of a queue of events behind one that runs, and of seconds of waiting; tests/lambda_/test_events.py": (
        "TestLambdaVersions::test_async_invoke_queue_upon_function_update",
        "TestLambdaVersions::test_function_update_during_invoke",
    ),
    "of services that are not here": ("TestLambdaBehavior::test_lambda_host_prefix_api_operation",),
}

NOT_REBUILT: dict[str, str] = {
    name: reason for reason, names in _BY_REASON.items() for name in names
}
