"""CORS of HTTP APIs: which origins, methods and headers a browser is told of."""

from __future__ import annotations

import pytest

from pilvi.base.http import HttpResponse
from pilvi.languages import cors
from pilvi.services.apigateway.records import Cors


def _told(config: Cors, **headers: str) -> dict[str, str]:
    sent = {"origin": "https://a.example", "access-control-request-method": "GET"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return dict(cors.answer_preflight(config, sent).headers)


@pytest.mark.parametrize(
    ("allowed", "origin", "told"),
    [
        (["*"], "https://a.example", "*"),
        (["https://a.example"], "https://a.example", "https://a.example"),
        (["https://a.example"], "http://a.example", None),
        (["https://a.example"], "https://a.example.evil", None),
        (["https://*.example"], "https://a.example", "https://a.example"),
        (["https://*.example"], "https://example", None),
        (["https://*"], "https://anything:8443", "https://anything:8443"),
        ([], "https://a.example", None),
    ],
)
def test_origins(allowed: list[str], origin: str, told: str | None) -> None:
    config = Cors(allow_origins=allowed, allow_methods=["GET"])
    assert _told(config, origin=origin).get("access-control-allow-origin") == told


# An origin that is told by name varies; a star is the same for all.
def test_named_origins_vary() -> None:
    named = Cors(allow_origins=["https://a.example"], allow_methods=["*"])
    assert _told(named)["vary"] == "origin"
    assert "vary" not in _told(Cors(allow_origins=["*"], allow_methods=["*"]))


@pytest.mark.parametrize(
    ("allowed", "wanted", "fine"),
    [
        (["X-A", "content-type"], "x-a, Content-Type", True),
        (["x-a"], "x-a,x-b", False),
        (["*"], "x-b", True),
        ([], "x-a", False),
        ([], "", True),
    ],
)
def test_headers(allowed: list[str], wanted: str, fine: bool) -> None:
    config = Cors(allow_origins=["*"], allow_methods=["GET"], allow_headers=allowed)
    told = _told(config, access_control_request_headers=wanted)
    assert ("access-control-allow-origin" in told) == fine


# Whatever the function said of CORS, the API's own configuration is what the browser hears.
def test_answers_are_marked_by_the_api() -> None:
    response = HttpResponse(200, [("Access-Control-Allow-Origin", "x"), ("other", "y")])
    cors.mark(Cors(allow_origins=["*"]), {"origin": "https://a.example"}, response)
    assert response.headers == [("other", "y"), ("access-control-allow-origin", "*")]
    cors.mark(Cors(allow_origins=["https://b.example"]), {"origin": "https://a.example"}, response)
    assert response.headers == [("other", "y")]
