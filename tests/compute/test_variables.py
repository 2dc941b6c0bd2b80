"""The variables of each language's runtime, against what was recorded on AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilvi.compute.api import EnvironmentSpec
from pilvi.compute.command import Places
from pilvi.compute.runtimes import Interpreter, Resolved
from pilvi.compute.variables import all_variables

GIVEN = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "TEST_KEY": "TEST_VAL",
}

COMMON = GIVEN | {
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
    "AWS_LAMBDA_RUNTIME_API": "169.254.100.1:9001",
    "AWS_REGION": "eu-north-1",
    "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
    "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": (
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
    ),
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "TZ": ":UTC",
    "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
    "_AWS_XRAY_DAEMON_PORT": "2000",
    "_HANDLER": "app.handler",
}

SHELL = {"PWD": "/var/task", "SHLVL": "0"}
PYTHON = SHELL | {"PYTHONPATH": "/var/runtime"}

# AWS's client was of this version when it was recorded.
CLIENT = Path("/host/gems/aws_lambda_ric-3.1.3")
RUBY = Interpreter("ruby", (3, 4, 1), Path("/usr/bin/ruby"), Path("/usr"), libraries=(CLIENT,))
OLD_JAVA = {"AWS_ACCESS_KEY": "key", "AWS_SECRET_KEY": "secret"}


def node(major: int) -> dict[str, str]:
    modules = f"/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules"
    return SHELL | {"NODE_PATH": f"{modules}:/var/runtime/node_modules:/var/runtime:/var/task"}


def ruby(version: str) -> dict[str, str]:
    twice = {
        name: f"{COMMON[name].partition(':')[0]}:{COMMON[name]}"
        for name in ("PATH", "LD_LIBRARY_PATH")
    }
    return (
        SHELL
        | twice
        | {
            "GEM_HOME": "/var/runtime",
            "GEM_PATH": (
                f"/var/task/vendor/bundle/ruby/{version}:/opt/ruby/gems/{version}:"
                f"/var/runtime:/var/runtime/ruby/{version}"
            ),
            "RUBYLIB": f"/var/runtime/gems/{CLIENT.name}/lib:/var/task:/var/runtime/lib:/opt/ruby/lib",
        }
    )


RECORDED = {
    # runtime: (family, what it has besides)
    "python3.9": ("python", PYTHON),
    "python3.11": ("python", PYTHON),
    "python3.12": ("python", PYTHON | {"LC_CTYPE": "C.UTF-8"}),
    "python3.14": ("python", PYTHON | {"LC_CTYPE": "C.UTF-8"}),
    "nodejs20.x": ("nodejs", node(20)),
    "nodejs24.x": ("nodejs", node(24)),
    "java8.al2": ("java", OLD_JAVA),
    "java11": ("java", OLD_JAVA),
    "java17": ("java", {}),
    "java25": ("java", {}),
    "ruby3.2": ("ruby", ruby("3.2.0")),
    "ruby3.4": ("ruby", ruby("3.4.0")),
    "provided.al2023": ("provided", {}),
    "provided.al2": (
        "provided",
        {
            "LD_LIBRARY_PATH": COMMON["LD_LIBRARY_PATH"].removeprefix("/var/lang/lib:"),
            "PATH": COMMON["PATH"].removeprefix("/var/lang/bin:"),
        },
    ),
}


@pytest.mark.parametrize("runtime", RECORDED)
def test_variables_as_recorded(runtime: str) -> None:
    """All of them and no other; only what the trace and the log's descriptor add is not here."""
    family, besides = RECORDED[runtime]
    spec = EnvironmentSpec(
        key="k",
        function_name="f",
        function_arn="arn:aws:lambda:eu-north-1:111111111111:function:f",
        version="$LATEST",
        runtime=runtime,
        handler="app.handler",
        code_dir=Path("/"),
        environment=GIVEN,
        memory_mb=1024,
        log_group="/aws/lambda/f",
        log_stream="stream",
    )
    made = all_variables(
        spec,
        Resolved(family, RUBY if family == "ruby" else None),
        Places(),
        runtime_api="169.254.100.1:9001",
        daemon_host="169.254.100.1",
        endpoint_url=None,
    )
    named = {} if family == "provided" else {"AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}"}
    assert made == COMMON | named | besides
