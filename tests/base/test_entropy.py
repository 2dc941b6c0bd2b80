"""Ids: their form, that no two are alike, and that a seed gives the same again."""

from __future__ import annotations

import os
import re

from pilvi.base.entropy import Entropy

_UUID_4 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_uuids_are_of_version_4_and_never_alike() -> None:
    entropy = Entropy()
    made = [entropy.uuid() for _ in range(2000)]
    assert len(set(made)) == 2000
    assert all(_UUID_4.fullmatch(one) for one in made)
    assert {one[19] for one in made} == set("89ab")


def test_a_seed_reproduces_a_run() -> None:
    def run() -> list[str]:
        entropy = Entropy(seed=7)
        return [entropy.uuid(), entropy.hex(5), entropy.upper(9), entropy.uuid(), entropy.lower(4)]

    assert run() == run()


def test_a_forked_process_makes_ids_of_its_own() -> None:
    entropy = Entropy()
    entropy.uuid()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, entropy.uuid().encode())
        os._exit(0)
    os.close(writer)
    theirs = os.read(reader, 100).decode()
    os.close(reader)
    os.waitpid(child, 0)
    assert _UUID_4.fullmatch(theirs)
    assert theirs != entropy.uuid()
