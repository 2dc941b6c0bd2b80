"""Fewer observations that say nearly as much: single resources become patterns (`.../*`), and none is left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from pilvi.services.iam.observed.tally import Conditions, mixed

LEVELS_MAX = 10
"""Deeper resources are folded as if they ended there."""

Pair = tuple[str, str, str, str, bool]
"""(action, outcome, region, resource, whether the resource is a pattern)."""


def ancestors(resource: str) -> Iterator[str]:
    """The patterns that a resource may be folded into, the widest ("*") first, the nearest last."""
    yield "*"
    head, body = _split(resource)
    if not head:
        return
    yield f"{head}*"
    levels = 0
    for at, character in enumerate(body[:-1]):
        if character in "/:":
            levels += 1
            if levels > LEVELS_MAX:
                return
            yield f"{head}{body[: at + 1]}*"


def parent(resource: str, *, pattern: bool) -> str | None:
    """The nearest pattern around a resource or around a pattern; None around everything."""
    nearest = None
    for one in ancestors(resource[:-1] if pattern else resource):
        if not pattern or len(one) < len(resource):
            nearest = one
    return nearest


def _split(resource: str) -> tuple[str, str]:
    """An ARN up to its resource, and that; ("", ...) for what is no ARN."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return "", resource
    return ":".join(parts[:5]) + ":", parts[5]


def fold(pairs: Iterable[Pair], most: int) -> dict[Pair, Pair]:
    """What each of `pairs` becomes so that at most `most` are left, if patterns alone can do that.

    The largest families first; where there are none, the deepest resources.
    """
    became = {pair: pair for pair in pairs}
    left = set(became)
    while len(left) > most:
        families: dict[Pair, set[Pair]] = defaultdict(set)
        for action, outcome, region, resource, pattern in left:
            above = parent(resource, pattern=pattern)
            if above is not None:
                families[action, outcome, region, above, True].add(
                    (action, outcome, region, resource, pattern)
                )
        if not families:
            break
        step = _chosen(families, len(left) - most)
        step |= _absorbed(left, set(step.values()))
        became = {first: step.get(now, now) for first, now in became.items()}
        left = set(became.values())
    return became


def _chosen(families: dict[Pair, set[Pair]], surplus: int) -> dict[Pair, Pair]:
    """(a pair -> its pattern) for as many families as are needed to be rid of `surplus` pairs; at least one."""
    ordered = sorted(families.items(), key=lambda item: (-len(item[1]), -_depth(item[0]), item[0]))
    chosen: dict[Pair, Pair] = {}
    for pattern, members in ordered:
        if chosen and (surplus <= 0 or len(members) == 1):
            break
        chosen |= dict.fromkeys(members, pattern)
        surplus -= len(members) - 1
    if (
        len(chosen) == 1
    ):  # all families are single: lift them together, or it would take as many rounds
        deepest = max(map(_depth, families))
        for pattern, members in ordered:
            if _depth(pattern) == deepest:
                chosen |= dict.fromkeys(members, pattern)
    return chosen


def _depth(pair: Pair) -> int:
    return sum(1 for _ in ancestors(pair[3][:-1]))


def _absorbed(left: set[Pair], patterns: set[Pair]) -> dict[Pair, Pair]:
    """What lies under one of the new patterns at any depth."""
    found: dict[Pair, Pair] = {}
    for pair in left:
        action, outcome, region, resource, pattern = pair
        for above in ancestors(resource[:-1] if pattern else resource):
            wider = (action, outcome, region, above, True)
            if wider in patterns and wider != pair:
                found[pair] = wider
                break
    return found


def mixed_all(conditions: Iterable[Conditions]) -> Conditions:
    """The conditions of several observations that become one."""
    result: Conditions | None = None
    for one in conditions:
        result = one if result is None else mixed(result, one)
    return result or {}
