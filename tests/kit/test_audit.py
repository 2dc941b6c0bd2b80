"""What was sent and never read is found, whatever way the rest was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pilvi.kit.audit import WatchedRequest

SENT = {"Name": "n", "Code": {"Zip": b"", "Uri": "u"}, "Layers": [{"Arn": "a", "Size": 1}]}


@pytest.mark.parametrize(
    "read",
    [
        lambda req: req["Name"],
        lambda req: req.get("Name"),
        lambda req: "Name" in req,
    ],
)
def test_each_way_of_asking_counts(read: Callable[[Any], Any]) -> None:
    req = WatchedRequest(SENT)
    assert req.unread() == ["Code", "Layers", "Name"]
    read(req)
    assert req.unread() == ["Code", "Layers"]


@pytest.mark.parametrize("read", [list, dict, lambda req: req.items(), lambda req: req.values()])
def test_walking_over_all_counts_for_all(read: Callable[[Any], Any]) -> None:
    req = WatchedRequest(SENT)
    read(req)
    assert req.unread() == []


def test_asking_for_what_was_not_sent_reads_nothing() -> None:
    req = WatchedRequest(SENT)
    assert req.get("Other", 7) == 7
    assert req.unread() == ["Code", "Layers", "Name"]


def test_watched_deeply_the_inner_members_count_too() -> None:
    req = WatchedRequest(SENT, deep=True)
    assert req["Name"] == "n"
    assert req["Code"]["Zip"] == b""
    assert [layer["Arn"] for layer in req["Layers"]] == ["a"]
    assert req.unread() == ["Code.Uri", "Layers.Size"]
    req["Code"].get("Uri")
    for layer in req["Layers"]:
        dict(layer)
    assert req.unread() == []


def test_it_is_as_deep_as_callers_like() -> None:
    deepest: dict[str, Any] = {}
    for _ in range(5000):
        deepest = {"M": [deepest]}
    req = WatchedRequest(deepest, deep=True)
    assert req["M"]
    assert req.unread() == ["M.M"]
