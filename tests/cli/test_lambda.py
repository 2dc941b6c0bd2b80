"""`pilvi lambda`, as a person would type it: run a function, read what it wrote, be told what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from lambda_.support import Functions, package
from servers import Server
from terminals import Person, Watch


def test_a_function_is_run(person: Person) -> None:
    """Its answer is on standard output, what it wrote on standard error; whoever reads programs gets both as JSON."""
    person.functions.create(
        "greet",
        package(
            "def handler(event, context):\n"
            "    print('\\x1b]0;title\\x07 greeting')\n"
            "    return {'hello': event['name']}\n"
        ),
    )
    out, err = person.types("invoke", "greet", '{"name": "änn"}')
    assert json.loads(out) == {"hello": "änn"}
    assert "greeting" in err
    assert "\x1b]" not in err, "a function steered the terminal"
    (person.directory / "event.json").write_text('{"name": "file"}')
    out, err = person.types("invoke", "greet", "@event.json", "--no-tail")
    assert json.loads(out) == {"hello": "file"}
    assert err == ""
    told = json.loads(person.types("invoke", "greet", '{"name": 1}', "--json")[0])
    assert told["answer"] == {"hello": 1}
    assert told["executed_version"] == "$LATEST"
    assert any("START RequestId" in line for line in told["log"])
    out, err = person.types("invoke", "greet", "{}", fails=True)
    assert json.loads(out)["errorType"] == "KeyError"
    assert "greet failed" in err


def test_what_cannot_be_sent_is_explained(person: Person) -> None:
    person.functions.create("greeter", package("def handler(event, context): pass\n"))
    said = person.types("invoke", "greater", fails=True)[1]
    assert "there is no function greater" in said
    assert "Did you mean greeter?" in said
    said = person.types("invoke", "greeter", "--qualifier", "live", fails=True)[1]
    assert "greeter has no version or alias live" in said
    said = person.types("invoke", "greeter", '{"a": 1,\n "b": }', fails=True)[1]
    assert 'line 2, column 7: Expecting value.\n     "b": }\n          ^' in said
    assert (
        "nothing.json cannot be read" in person.types("invoke", "x", "@nothing.json", fails=True)[1]
    )


MISTAKES = {
    "module": ("import yaml\ndef handler(e, c): pass\n", {}, "Add PyYAML to requirements.txt"),
    "handler": (
        "def lambda_handler(e, c): pass\n",
        {},
        "app.py defines no `handler`: it has lambda_handler",
    ),
    "deeper": (
        None,
        {"mine/app__py": "def handler(e, c): pass\n"},
        "app.py is in the folder mine/ of the package",
    ),
    "timeout": (
        "import time\ndef handler(e, c): time.sleep(9)\n",
        {},
        "update-function-configuration --function-name timeout --timeout",
    ),
}


def test_usual_mistakes_are_told(person: Person) -> None:
    for name, (source, files, said) in MISTAKES.items():
        person.functions.create(name, package(source, **files), Timeout=1)
        assert said in person.types("invoke", name, fails=True)[1], name


def test_logs_of_all_environments_in_order(person: Person) -> None:
    """Lines come in order, once, also while they are followed; one invocation's can be picked out."""
    person.functions.create(
        "talker",
        package(
            "def handler(event, context):\n    print('said', event['n'])\n    return context.aws_request_id\n"
        ),
    )
    assert "wrote nothing" in person.types("logs", "talker")[1]
    followed = Watch(person, "logs", "talker", "--follow", "--filter", "?said ?REPORT")
    ids = [person.functions.invoke("talker", {"n": n}) for n in range(3)]
    lines = [followed.line()["message"].split()[:2] for _ in range(6)]
    assert lines[::2] == [["said", "0"], ["said", "1"], ["said", "2"]]
    assert lines[1::2] == [["REPORT", "RequestId:"]] * 3
    person.functions.invoke("talker", {"n": 3})
    assert followed.line()["message"] == "said 3\n", "again what was read before"
    assert followed.line()["message"].startswith("REPORT")
    person.functions.client.update_function_configuration(FunctionName="talker", Description="new")
    person.functions.invoke("talker", {"n": 4})
    assert followed.line()["message"] == "said 4\n"
    followed.end()
    out = person.types("logs", "talker", "--since", "5m")[0]
    assert [line[-1] for line in out.splitlines() if "said" in line] == ["0", "1", "2", "3", "4"]
    one = person.types("logs", "talker", "--request", ids[1])[0].splitlines()
    assert [line.split()[2] for line in one] == ["START", "said", "END", "REPORT"]
    assert "said 1" in one[1]
    assert "Did you mean talker?" in person.types("logs", "talkr", fails=True)[1]
    assert "is no duration" in person.types("logs", "talker", "--since", "x", fails=True)[1]


def test_a_folder_is_run_as_it_is_saved(person: Person) -> None:
    """Save a file, and the next invocation runs it. Mistakes deploy nothing, nor does what is saved unchanged."""
    folder = person.directory / "mine"
    folder.mkdir()
    app = folder / "app.py"
    app.write_text("def handler(event, context):\n    return 1\n")
    watched = Watch(person, "watch", "mine", str(folder))
    assert watched.line()["what"] == "created"
    assert watched.line()["what"] == "watching"
    assert person.functions.invoke("mine") == 1
    app.write_text("def handler(event, context):\n    return 2\n")
    told = watched.line()
    assert (told["what"], told["changed"]) == ("deployed", ["app.py"])
    assert person.functions.invoke("mine") == 2
    app.write_text("def handler(event, context):\n    return 3 +\n")
    told = watched.line()
    assert told["what"] == "mistake"
    assert "app.py:2: invalid syntax" in told["text"]
    assert person.functions.invoke("mine") == 2
    app.write_text("def handler(event, context):\n    return 2\n")  # as it is deployed
    (folder / "tests").mkdir()
    (folder / "tests" / "test_app.py").write_text("")
    (folder / "other.py").write_text("N = 4\n")
    assert "other.py" in watched.line()["changed"]
    watched.end()
    out = person.types("watch", "mine", str(folder), "--once")[0]
    assert "has this code already" in out


def test_a_folder_without_a_handler_is_told(person: Person) -> None:
    (person.directory / "app.py").write_text("x = 1\n")
    said = person.types("watch", "nothing", ".", fails=True)[1]
    assert "has no function that looks like a handler of python" in said
    (person.directory / "app.py").write_text("def handler(e, c)\n    pass\n")
    said = person.types("watch", "nothing", ".", "--handler", "app.handler", fails=True)[1]
    assert "app.py:1: expected ':'" in said


def test_a_server_watches_a_folder(own_server: Callable[..., Server], tmp_path: Path) -> None:
    """`pilvi up --watch` needs no second terminal."""
    (tmp_path / "index.mjs").write_text("export const handler = async () => 'node';\n")
    server = own_server("--durability", "relaxed", "--watch", f"mine={tmp_path}")
    functions = Functions(server.client("lambda", "000000000000"), "000000000000")
    exists = functions.client.get_waiter("function_exists")
    exists.wait(FunctionName="mine", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
    assert functions.invoke("mine") == "node"
    assert server.stop() == 0
    functions.client.close()
