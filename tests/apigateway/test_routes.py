"""Which route answers: AWS's documented order, as a table and against a slow and obvious reading of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilvi.services.apigateway.routes import RouteTable, parse_template, split


def _table(*keys: str) -> RouteTable[str]:
    pairs = [(*key.split(" ", 1), key) for key in keys if key != "$default"]
    return RouteTable(pairs, "$default" if "$default" in keys else None)


# The example of the Developer Guide, "Routing API requests", and what it leaves to its rules.
DOCUMENTED = _table(
    "GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default"
)


@pytest.mark.parametrize(
    ("method", "path", "key", "variables"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1", {}),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}", {"id": "2"}),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}", {"proxy": "cat/1"}),
        ("POST", "/test/5", "ANY /{proxy+}", {"proxy": "test/5"}),
        ("POST", "/pets/dog/1", "ANY /{proxy+}", {"proxy": "pets/dog/1"}),
        ("GET", "/", "$default", {}),
        ("GET", "/pets/dog/a%2Fb", "GET /pets/dog/{id}", {"id": "a%2Fb"}),
        ("GET", "/pets/d%6Fg/1", "GET /pets/dog/1", {}),
    ],
)
def test_http_api_chooses_as_documented(
    method: str, path: str, key: str, variables: dict[str, str]
) -> None:
    assert DOCUMENTED.choose(method, path) == (key, variables)


# A method goes before ANY on the same path, and a path goes before its method.
def test_http_api_any_comes_behind_the_method() -> None:
    table = _table("ANY /a", "GET /a", "ANY /b/{x}", "GET /b/{proxy+}")
    assert table.choose("GET", "/a") == ("GET /a", {})
    assert table.choose("PUT", "/a") == ("ANY /a", {})
    assert table.choose("GET", "/b/1") == ("ANY /b/{x}", {"x": "1"})
    assert table.choose("GET", "/c") is None


# REST APIs: the resource is settled before the method; another resource is not tried.
def test_rest_api_settles_the_resource_first() -> None:
    table = _table("GET /pets", "ANY /{proxy+}", "GET /pets/{id}")
    assert table.choose_resource("GET", "/pets/") == ("GET /pets", {})
    assert table.choose_resource("POST", "/pets") is None
    assert table.choose_resource("DELETE", "/pets/1") is None
    assert table.choose_resource("DELETE", "/pets/1/2") == ("ANY /{proxy+}", {"proxy": "pets/1/2"})
    assert table.choose_resource("GET", "/") is None


@pytest.mark.parametrize("text", ["pets", "/{a}/{a}", "/{a+}/b", "/x{a}", "/{}", "/{a", "/a}"])
def test_templates_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_template(text)


_segment = st.sampled_from(["a", "b", "{x}", "{y}", "{rest+}"])


@st.composite
def _templates(draw: st.DrawFn) -> str:
    parts = draw(st.lists(_segment, max_size=4))
    path = "/" + "/".join(parts)
    try:
        parse_template(path)
    except ValueError:
        return "/a"
    return path


def _fits(template: str, path: str) -> bool:
    """The obvious reading: walk both from the left."""
    want, have = split(template), split(path)
    for position, part in enumerate(want):
        if part.endswith("+}"):
            return len(have) > position
        if position >= len(have) or (not part.startswith("{") and part != have[position]):
            return False
    return len(want) == len(have)


# Whatever the routes, the chosen one fits, and none that fits is more specific.
@given(st.lists(_templates(), min_size=1, max_size=6), st.lists(st.sampled_from("ab"), max_size=4))
def test_the_most_specific_route_that_fits_is_chosen(
    templates: list[str], parts: list[str]
) -> None:
    path = "/" + "/".join(parts)
    table = RouteTable([("ANY", template, template) for template in templates])
    fitting = [template for template in templates if _fits(template, path)]
    chosen = table.choose("GET", path)
    if chosen is None:
        assert not fitting
        return
    assert chosen[0] in fitting
    assert parse_template(chosen[0]).rank == min(parse_template(t).rank for t in fitting)
