"""The addresses that endpoints of APIs and functions are told to have."""

from __future__ import annotations

import ipaddress


def endpoint_url(external_url: str, kind: str, id: str, region: str) -> str:
    """Where an endpoint answers. `kind`: as the gateway's routing calls it ("execute-api", "lambda-url").

    A real domain gets AWS's form, `https://ID.execute-api.REGION.DOMAIN`, and must resolve all names below
    it. `localhost` and IP addresses, below which no resolver but a browser's finds anything, get the path
    form, which works from everywhere. Both forms are always served.
    """
    scheme, _, host = external_url.partition("://")
    name = host.rpartition(":")[0] or host
    if "." not in name or name.endswith(".localhost") or _is_address(name.strip("[]")):
        return f"{external_url}/_aws/{kind}/{id}"
    return f"{scheme}://{id}.{kind}.{region}.{host}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
