"""Write src/pilvi/services/iam/aws_policies.jsonl: the policies that AWS manages, one to a line, sorted by name.

    python tools/generate_aws_policies.py

The documents are AWS's own, as the API of AWS tells them; moto, which the benchmarks and tests need anyway, ships a
recent copy. They are data and change often, so nothing compares the file: run this when moto is new.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from moto.iam.aws_managed_policies import aws_managed_policies_data

FILE = Path(__file__).parent.parent / "src/pilvi/services/iam/aws_policies.jsonl"

_ORDER = ("Version", "Id", "Statement", "Sid", "Effect", "Principal", "Action", "NotAction")
"""The members of policies in the order in which people write them; the others follow."""


def main() -> None:
    told: dict[str, Any] = json.loads(aws_managed_policies_data)
    lines = [_line(name, told[name]) for name in sorted(told, key=str.lower)]
    FILE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(f"{len(lines)} policies, {FILE.stat().st_size} bytes")


def _line(name: str, told: dict[str, Any]) -> str:
    line = {
        "name": name,
        "path": told["Path"],
        "version": int(told["DefaultVersionId"].removeprefix("v")),
        "created_at_ms": _ms(told["CreateDate"]),
        "updated_at_ms": _ms(told["UpdateDate"]),
        "document": _ordered(told["Document"]),
    }
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def _ms(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp() * 1000)


def _ordered(document: dict[str, Any]) -> dict[str, Any]:
    statements = document["Statement"]
    listed = cast(
        "list[dict[str, Any]]", statements if isinstance(statements, list) else [statements]
    )
    return _sorted({**document, "Statement": [_sorted(one) for one in listed]})


def _sorted(members: dict[str, Any]) -> dict[str, Any]:
    def place(name: str) -> int:
        return _ORDER.index(name) if name in _ORDER else len(_ORDER)

    return {name: members[name] for name in sorted(members, key=place)}


if __name__ == "__main__":
    main()
