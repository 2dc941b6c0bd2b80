"""Which members of a request did the handler read?"""

from __future__ import annotations

from typing import Any

from pilvi.kit.audit import WatchedRequest


def test_what_was_not_read_is_told_by_its_path() -> None:
    sent = {"Name": "n", "Tags": [{"Key": "k", "Value": "v"}], "Code": {"Zip": b"", "Image": "i"}}
    request = WatchedRequest(sent, deep=True)
    assert request.unread() == ["Code", "Name", "Tags"]
    assert request["Name"] == "n"
    assert request["Tags"][0]["Key"] == "k"
    assert "Zip" in request["Code"]
    assert request.unread() == ["Code.Image", "Tags.Value"]
    assert [dict(tag) for tag in request["Tags"]] == sent["Tags"]
    assert list(request["Code"].items())
    assert request.unread() == []


def test_only_the_outermost_are_watched_unless_asked() -> None:
    request = WatchedRequest({"Code": {"Zip": b"", "Image": "i"}})
    assert request["Code"]["Zip"] == b""
    assert request.unread() == []


def test_nesting_has_no_depth_limit_here() -> None:
    """Whoever sends ten thousand levels gets its service's refusal, not a broken server."""
    value: Any = {"S": "x"}
    for _ in range(10_000):
        value = {"L": [value]}
    request = WatchedRequest({"Item": value}, deep=True)
    inside = request["Item"]
    for _ in range(10_000):
        inside = inside["L"][0]
    assert request.unread() == ["Item" + ".L" * 10_000 + ".S"]
    assert inside["S"] == "x"
    assert request.unread() == []
