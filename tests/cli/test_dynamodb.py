"""`pilvi dynamodb`, as a person would type it: a table on the terminal, out as JSON lines, and in again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nursery
from servers import Server

ACCOUNT = "000000000000"


def pilvi(server: Server, *words: str, fails: bool = False) -> str:
    """What it says on standard output; on standard error when it fails."""
    ran = nursery.pilvi().run(
        "dynamodb",
        *words,
        "--data",
        str(server.data),
        environment={"PATH": "/usr/bin", "COLUMNS": "80", "AWS_EC2_METADATA_DISABLED": "true"},
    )
    assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    return ran.stderr if fails else ran.stdout


def make(ddb: Any, name: str) -> None:
    ddb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_a_table_out_and_in_again(own_server: Callable[..., Server], tmp_path: Path) -> None:
    """Every type comes back as it was; the later of two lines of one key stays; a wrong line is named."""
    server = own_server("--durability", "relaxed")
    ddb = server.client("dynamodb", ACCOUNT)
    make(ddb, "one")
    make(ddb, "two")
    whole = {
        "pk": {"S": "a"},
        "binary": {"B": b"\x00\xff"},
        "map": {"M": {"l": {"L": [{"BS": [b"1"]}, {"NULL": True}, {"N": "1.50"}]}}},
    }
    ddb.put_item(TableName="one", Item=whole)
    for n in range(60):
        ddb.put_item(TableName="one", Item={"pk": {"S": f"{n:03}"}, "n": {"N": str(n)}})
    lines = pilvi(server, "export", "one").splitlines()
    assert len(lines) == 61
    file = tmp_path / "items.jsonl"
    pilvi(server, "export", "one", "--output", str(file))
    assert file.read_text().splitlines() == lines
    with file.open("a") as more:
        more.write('{"pk": {"S": "000"}, "n": {"N": "7"}}\n\n{"Item": {"pk": {"S": "Item"}}}\n')
    pilvi(server, "import", "two", str(file))
    assert (
        ddb.get_item(TableName="two", Key={"pk": {"S": "a"}})["Item"]
        == ddb.get_item(TableName="one", Key={"pk": {"S": "a"}})["Item"]
    )
    assert ddb.get_item(TableName="two", Key={"pk": {"S": "000"}})["Item"]["n"] == {"N": "7"}
    assert ddb.scan(TableName="two", Select="COUNT")["Count"] == 62
    file.write_text('{"pk": {"S": "x"}}\n[1]\n')
    assert "line 2 is no item" in pilvi(server, "import", "two", str(file), fails=True)
    assert "not found" in pilvi(server, "import", "none", str(file), fails=True)


def test_a_table_on_the_terminal(own_server: Callable[..., Server]) -> None:
    server = own_server("--durability", "relaxed")
    ddb = server.client("dynamodb", ACCOUNT)
    make(ddb, "one")
    assert pilvi(server, "scan", "one") == "0 items\n"
    for n in range(5):
        wide = {f"attribute{i}": {"S": "x" * 100} for i in range(20)}
        item = {"pk": {"S": f"key\n{n}"}, "n": {"N": str(n)}, **wide}
        ddb.put_item(TableName="one", Item=item)
    text = pilvi(server, "scan", "one", "--columns", "pk,n", "--limit", "3")
    assert "key·" in text
    assert "3 items; 20 more attributes" in text
    assert max(map(len, pilvi(server, "scan", "one").splitlines())) <= 80
    page = json.loads(pilvi(server, "scan", "one", "--limit", "3", "--json"))
    rest = pilvi(server, "scan", "one", "--json", "--after", json.dumps(page["after"]))
    found = [item["pk"]["S"] for item in page["items"] + json.loads(rest)["items"]]
    assert sorted(found) == [f"key\n{n}" for n in range(5)]
    assert json.loads(rest)["after"] is None
