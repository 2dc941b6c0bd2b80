"""Run the benchmark and print what was reached and what was missed.

python -m bench              everything but the big
python -m bench GetItem ...  only scenarios whose names contain one of the words, or: invoke, permissions, bare
                             (small objects beside a bare ASGI handler), minimal (items beside a handler that only
                             verifies and stores), flat (tables of a thousand and of a million items), listing
                             (a bucket of a million keys), large (64 MiB), big (1 GiB and 5 GiB: minutes)
"""

from __future__ import annotations

import statistics
import sys

from rich.console import Console
from rich.table import Table

from bench import compared, functions, large, scenarios, tables
from bench.load import Measured, measure
from bench.requests import Scenario
from bench.scenarios import SCENARIOS
from bench.servers import Target, moto, pilvi, seeded

PUT_P50_MS = 1.0
READY_S = 1.0
IDLE_MB = 100.0
PERMISSIONS_KEPT = 0.85
PERMISSION_ROUNDS = 5
KEYS = 1_000_000
PAGE_MS = 20.0

console = Console(width=110)


def main() -> None:
    words = [word.lower() for word in sys.argv[1:]]
    chosen = [s for s in SCENARIOS if not words or any(w in s.name.lower() for w in words)]
    verdicts: list[tuple[str, bool]] = []
    moved: list[large.Moved] = []
    peer_moved: list[large.Moved] = []
    with pilvi() as ours:
        idle_mb = ours.resident_mb()
        verdicts.append(
            (f"ready in {ours.ready_s:.2f} s (bar {READY_S} s)", ours.ready_s < READY_S)
        )
        verdicts.append((f"idle at {idle_mb:.0f} MB (bar {IDLE_MB:.0f} MB)", idle_mb < IDLE_MB))
        our_results = run(ours, chosen)
        if not words or "invoke" in words:
            verdicts += functions.all_of(ours, console)
        if not words or "permissions" in words:
            verdicts.append(permissions(ours))
        if not words or "bare" in words:
            verdicts += compared.small_objects(ours)
        if not words or "minimal" in words:
            verdicts += compared.with_the_minimal(ours)
        if not words or "large" in words:
            moved = [*large.small_and_large(ours, (64,))]
        if "big" in words:
            moved += large.small_and_large(ours, (1024, 5 * 1024))
    if not words or "listing" in words:
        verdicts += listing()
    if not words or "flat" in words:
        verdicts += compared.few_and_many()
    peer_results: dict[str, Measured] = {}
    if moved or any(scenario.peer for scenario in chosen):
        with moto() as peer:
            peer_results = run(peer, [s for s in chosen if s.peer])
            if moved:
                sizes = (64, 1024) if "big" in words else (64,)
                peer_moved = [*large.small_and_large(peer, sizes)]
    if moved:
        verdicts += report_large(moved, peer_moved)
    report(chosen, our_results, peer_results, verdicts)


def run(target: Target, chosen: list[Scenario]) -> dict[str, Measured]:
    console.print(f"[dim]{target.name}: preparing[/dim]")
    scenarios.prepare(target)
    results: dict[str, Measured] = {}
    for scenario in chosen:
        requests = scenario.requests(target)
        measure(target.url, requests, connections=scenario.connections, seconds=0.5)  # warm up
        results[scenario.name] = measure(
            target.url, requests, connections=scenario.connections, seconds=scenario.seconds
        )
        found = results[scenario.name]
        console.print(f"[dim]{target.name}: {scenario.name}: {found.rate:,.0f}/s[/dim]")
    return results


def permissions(target: Target) -> tuple[str, bool]:
    """How much of root's rate a role with three managed policies keeps: measured in turns, for machines are noisy."""
    kept: list[float] = []
    root, role = (tables.get_item(one) for one in scenarios.root_and_role(target))
    for requests in (root, role):
        measure(target.url, requests, connections=16, seconds=0.5)
    for _ in range(PERMISSION_ROUNDS):
        rates = [
            measure(target.url, requests, connections=16, seconds=1.5).rate
            for requests in (root, role)
        ]
        kept.append(rates[1] / rates[0])
    share = statistics.median(kept)
    text = f"GetItem by a role with three policies keeps {share:.0%} of root's rate"
    return f"{text} (bar {PERMISSIONS_KEPT:.0%})", share >= PERMISSIONS_KEPT


def listing() -> list[tuple[str, bool]]:
    """Pages of a thousand answers in a bucket of a million keys: what the server computes for one."""
    found: list[tuple[str, bool]] = []
    console.print(f"[dim]making a bucket of {KEYS:,} keys[/dim]")
    with seeded(scenarios.make_model, "keys", "bench-keys", "model", str(KEYS)) as target:
        for name, request in scenarios.pages(target, "bench-keys").items():
            measure(target.url, [request], connections=1, seconds=0.5)
            before_s = target.cpu_s()
            measured = measure(target.url, [request], connections=1, seconds=2.0)
            cost_ms = (target.cpu_s() - before_s) * 1000 / measured.requests
            text = (
                f"a page of 1,000 {name}, of {KEYS:,} keys: {cost_ms:.1f} ms of the processor,"
                f" p50 {measured.p50_ms:.1f} ms"
            )
            if "prefixes" in name:
                text += f" (bar {PAGE_MS:.0f} ms)"
            found.append((text, "prefixes" not in name or cost_ms < PAGE_MS))
    return found


def report_large(moved: list[large.Moved], peers: list[large.Moved]) -> list[tuple[str, bool]]:
    table = Table(title="Large bodies: MiB a second, and what the server's memory grew by, in MiB")
    for column in ("operation", "pilvi", "memory", "moto", "memory", "ratio"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    of_peer = {one.what: one for one in peers}
    for one in moved:
        peer = of_peer.get(one.what)
        cells = [one.what, f"{one.mib_per_s:,.0f}", f"{one.growth_mib:,.0f}"]
        if peer is not None:
            ratio = one.mib_per_s / peer.mib_per_s
            cells += [f"{peer.mib_per_s:,.0f}", f"{peer.growth_mib:,.0f}", f"{ratio:.1f}"]
        table.add_row(*cells)
    console.print(table)
    most = max(moved, key=lambda one: one.growth_mib)
    bar = large.GROWTH_MIB_MAX
    text = f"memory grew by at most {most.growth_mib:.0f} MiB, in {most.what} (bar {bar:.0f} MiB)"
    return [(text, most.growth_mib < bar)]


def report(
    chosen: list[Scenario],
    ours: dict[str, Measured],
    peers: dict[str, Measured],
    verdicts: list[tuple[str, bool]],
) -> None:
    table = Table(
        title="pilvi (one worker, durability full, signatures verified) and moto's server"
    )
    for column in ("operation", "connections", "pilvi /s", "p50 ms", "p99 ms", "moto /s", "ratio"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    for scenario in chosen:
        own, peer = ours[scenario.name], peers.get(scenario.name)
        ratio = own.rate / peer.rate if peer else None
        table.add_row(
            scenario.name,
            str(scenario.connections),
            f"{own.rate:,.0f}",
            f"{own.p50_ms:.2f}",
            f"{own.p99_ms:.2f}",
            f"{peer.rate:,.0f}" if peer else "-",
            f"{ratio:.1f}" if ratio else "-",
        )
        if scenario.bar and ratio:
            text = f"{scenario.name} at {ratio:.1f} times moto (bar {scenario.bar:.0f})"
            verdicts.append((text, ratio >= scenario.bar))
        if scenario.name == "PutItem, 1 connection":
            text = f"PutItem p50 at one connection {own.p50_ms:.2f} ms (bar {PUT_P50_MS} ms)"
            verdicts.append((text, own.p50_ms <= PUT_P50_MS))
        if own.failures:
            verdicts.append((f"{scenario.name}: {own.failures} requests failed", False))
    if chosen:
        console.print(table)
    for text, reached in verdicts:
        console.print(f"{'[green]reached[/green]' if reached else '[red]missed [/red]'}  {text}")


if __name__ == "__main__":
    main()
