"""Begin a new service: `make service NAME=sqs`. Writes its folder, a test, and its line in app.py.

The folder has the names that every service has, and runs at once: every operation is refused by name until
it has a handler.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from pilvi.protocol import service_model, service_names

ROOT = Path(__file__).parent.parent
SERVICES = ROOT / "src" / "pilvi" / "services"

FILES = {
    "__init__.py": '''"""{title}."""

from pilvi.services.{folder}.service import {folder}

__all__ = ["{folder}"]

# Importing a module of operations/ registers its handlers:
# from pilvi.services.{folder}.operations import things as _things
''',
    "service.py": '''"""{title}: its name, and the resource each operation acts on."""

from __future__ import annotations

from pilvi.kit.service import Service

{folder} = Service("{name}", acts={{}})
''',
    "errors.py": '''"""Errors of {title}, named by their AWS code."""

from __future__ import annotations
''',
    "limits.py": '''"""Quotas. AWS: {title} Developer Guide, "Quotas"."""

from __future__ import annotations
''',
    "records.py": '''"""What {title} stores."""

from __future__ import annotations
''',
    "rules.py": '''"""What {title} decides: pure functions of requests and records; no store, no clock."""

from __future__ import annotations
''',
    "operations/__init__.py": '''"""What is asked of {title}: one file for each noun."""
''',
}

TEST = '''"""{title} through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_what_is_not_built_is_refused_by_name(client: Callable[..., Any]) -> None:
    {folder} = client("{name}")
    operation = next(iter({folder}.meta.method_to_api_mapping))
    with pytest.raises(ClientError, match="pilvi does not implement {name}"):
        getattr({folder}, operation)()
'''


def main() -> None:
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit("usage: make service NAME=sqs   (botocore's name of the service)")
    name = sys.argv[1]
    if name not in service_names():
        sys.exit(f"botocore knows no service {name!r}")
    folder = re.sub(r"\W", "_", name) + ("_" if name in ("lambda", "import") else "")
    if (SERVICES / folder).exists():
        sys.exit(f"{SERVICES / folder} is there already")
    metadata = service_model(name).metadata
    words = {
        "name": name,
        "folder": folder,
        "title": metadata.get("serviceAbbreviation", metadata["serviceFullName"]),
    }
    for file, text in FILES.items():
        write(SERVICES / folder / file, text.format(**words))
    tests = ROOT / "tests" / folder
    write(tests / "__init__.py", "")
    write(tests / f"test_{folder}.py", TEST.format(**words))
    register(name, folder)
    for generator in ("generate_wire.py", "generate_pages.py"):
        subprocess.run([sys.executable, str(ROOT / "tools" / generator)], check=True)
    print(f"Next: name what each operation acts on in {SERVICES / folder / 'service.py'},")
    print("write handlers in operations/, run `make wire` and `make pages`. See CONTRIBUTING.md.")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    print(f"wrote {path.relative_to(ROOT)}")


def register(name: str, folder: str) -> None:
    """Add the service's line to SERVICES in app.py, in order."""
    app = ROOT / "src" / "pilvi" / "app.py"
    text = app.read_text()
    start = text.index("SERVICES: Mapping[str, str] = {\n") + len(
        "SERVICES: Mapping[str, str] = {\n"
    )
    end = text.index("}\n", start)
    lines = [*text[start:end].splitlines(), f'    "{name}": "pilvi.services.{folder}:{folder}",']
    app.write_text(text[:start] + "\n".join(sorted(lines)) + "\n" + text[end:])
    print("registered it in src/pilvi/app.py")


if __name__ == "__main__":
    main()
