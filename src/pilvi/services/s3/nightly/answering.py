"""What the command line asks: what the rules will do, what they did, and what a bucket takes up."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import Any

import msgspec

from pilvi.kit import paging
from pilvi.kit.cloud import Cloud
from pilvi.services.s3 import errors
from pilvi.services.s3.lifecycle import judging, records, walking
from pilvi.services.s3.lifecycle.records import Place
from pilvi.services.s3.lifecycle.walking import Judged
from pilvi.services.s3.records import buckets, uploads, versions
from pilvi.services.s3.records.buckets import Bucket
from pilvi.services.s3.records.uploads import Upload
from pilvi.services.s3.rules import version_names
from pilvi.store.api import Snapshot, Transaction

_PAGE = 250
_BUCKETS = 1000
_UPLOADS = 50
_VERSIONS, _UPLOADING = "versions", "uploads"


class S3Storage:
    """Implements `contracts.storage.Storage`. Who may ask is the asker's business."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    # --- lifecycle

    async def plan(self, bucket: str, after: str | None) -> dict[str, Any]:
        day_ms = self._cloud.settings.lifecycle_day_ms
        place = Place() if after is None else _place_of(after)

        def look(at: Snapshot) -> dict[str, Any]:
            found = buckets.get_bucket(at, bucket)
            lifecycle = records.find(at, found)
            if lifecycle is None:
                return {"entries": [], "examined": 0, "next": None}
            page = walking.page(at, found, lifecycle, place, day_ms=day_ms, size=_PAGE)
            return {
                "entries": [entry for one in page.judged for entry in _entries(one)],
                "examined": len(page.judged),
                "next": None if page.following is None else _token_of(page.following),
            }

        return {**await self._cloud.store.read(look), "now_ms": self._cloud.clock.now_ms()}

    async def run(self, bucket: str, *, begin: bool) -> dict[str, Any]:
        now_ms = self._cloud.clock.now_ms()

        def start(tx: Transaction) -> None:
            found = buckets.get_bucket(tx, bucket)
            if found.lifecycle:
                records.begin(tx, found, now_ms)

        if begin:
            await self._cloud.store.write(start)

        def look(at: Snapshot) -> dict[str, Any]:
            found = buckets.get_bucket(at, bucket)
            lifecycle = records.find(at, found)
            run = records.find_run(at, found)
            day_ms = self._cloud.settings.lifecycle_day_ms
            return {
                "rules": 0 if lifecycle is None else len(lifecycle.rules),
                "next_ms": judging.next_midnight(now_ms, day_ms) if lifecycle else None,
                "day_ms": day_ms,
                "run": None if run is None else msgspec.to_builtins(run),
            }

        return await self._cloud.store.read(look)

    async def reschedule(self) -> None:
        day_ms, now_ms = self._cloud.settings.lifecycle_day_ms, self._cloud.clock.now_ms()
        after: str | None = None
        while True:
            page = await self.buckets(after)

            def plan(tx: Transaction, names: list[str] = page["buckets"]) -> None:
                for name in names:
                    bucket = buckets.find_bucket(tx, name)
                    if bucket is not None and bucket.lifecycle:
                        records.schedule(tx, bucket, judging.next_midnight(now_ms, day_ms))

            await self._cloud.store.write(plan)
            after = page["next"]
            if after is None:
                return

    # --- usage

    async def buckets(self, after: str | None) -> dict[str, Any]:
        def look(at: Snapshot) -> dict[str, Any]:
            found = buckets.scan_names(at, after_name=after)
            page, more = paging.page_of(found, _BUCKETS)
            return {"buckets": page, "next": page[-1] if more else None}

        return await self._cloud.store.read(look)

    async def usage(self, bucket: str, prefix: str, after: str | None) -> dict[str, Any]:
        phase, *marker = (_VERSIONS,) if after is None else _marker_of(after)

        def look(at: Snapshot) -> dict[str, Any]:
            found = buckets.get_bucket(at, bucket)
            if phase == _VERSIONS:
                return _usage_of_versions(at, found, prefix, marker)
            return _usage_of_uploads(at, found, prefix, marker)

        return await self._cloud.store.read(look)


# --- pages of what will happen


def _entries(judged: Judged) -> list[dict[str, Any]]:
    found = judged.found
    about: dict[str, Any] = {"key": found.key}
    if isinstance(found, Upload):
        about["upload_id"] = found.id
    else:
        about["version_id"] = version_names.shown(found.id)
        about["size"] = 0 if found.object is None else found.object.size
        about["current"], about["marker"] = found.latest, found.object is None
    return [
        {
            **about,
            "what": step.what,
            "at_ms": step.due_ms,
            "rule": step.rule,
            **({"storage_class": step.storage_class} if step.storage_class else {}),
        }
        for step in judged.steps
    ]


def _token_of(place: Place) -> str:
    return paging.token_of((msgspec.json.encode(place).decode(),))


def _place_of(token: str) -> Place:
    """Raises: InvalidArgument."""
    try:
        (text,) = paging.key_of(token)
        return msgspec.json.decode(str(text), type=Place)
    except (ValueError, msgspec.DecodeError):
        raise _bad_token(token) from None


def _bad_token(token: str) -> errors.InvalidArgument:
    return errors.InvalidArgument("The continuation token provided is incorrect", "after", token)


# --- pages of what is there


def _marker_of(token: str) -> tuple[Any, ...]:
    """Raises: InvalidArgument."""
    try:
        found = paging.key_of(token)
    except ValueError:
        raise _bad_token(token) from None
    if not found or found[0] not in (_VERSIONS, _UPLOADING):
        raise _bad_token(token)
    return found


def _usage_of_versions(
    at: Snapshot, bucket: Bucket, prefix: str, marker: list[Any]
) -> dict[str, Any]:
    resumed = (str(marker[0]), int(marker[1])) if marker else None
    ordered = versions.ordered_versions(at, bucket, resumed)
    start = ordered.at(prefix) if resumed is None else ordered.behind(*resumed)
    rows = list(ordered.rows(start, ordered.behind_all(prefix), _PAGE))
    classes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    markers = 0
    for row in rows:
        if row.object is None:
            markers += 1
            continue
        kind = "objects" if row.latest else "noncurrent"
        told = classes[row.object.storage_class]
        told[kind] += 1
        told[f"{kind}_bytes"] += row.object.size
    following = (_UPLOADING,) if len(rows) < _PAGE else (_VERSIONS, rows[-1].key, -rows[-1].rank)
    return {"classes": classes, "markers": markers, "next": paging.token_of(following)}


def _usage_of_uploads(
    at: Snapshot, bucket: Bucket, prefix: str, marker: list[Any]
) -> dict[str, Any]:
    ordered = uploads.ordered_uploads(at, bucket)
    start = ordered.behind(str(marker[0]), str(marker[1])) if marker else ordered.at(prefix)
    rows = list(islice(ordered.rows(start, ordered.behind_all(prefix), _UPLOADS), _UPLOADS))
    parts = [part.size for row in rows for part in uploads.scan_parts(at, bucket, row.id)]
    following = (_UPLOADING, rows[-1].key, rows[-1].id) if len(rows) == _UPLOADS else None
    return {
        "uploads": len(rows),
        "parts": len(parts),
        "parts_bytes": sum(parts),
        "next": None if following is None else paging.token_of(following),
    }
