"""Secrets at rest: what opens them, and what must not."""

from __future__ import annotations

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pilvi.base.entropy import Entropy
from pilvi.base.errors import PilviError
from pilvi.store.api import Store
from pilvi.store.keys import Key
from pilvi.store.memory import MemoryStore
from pilvi.store.sealing import RootKeySource, SealBroken, Sealer, SecretsUnavailable

ROOT = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()
WHO: Key = ("111111111111", "us-east-1", "kms", "key-1")


def sealer(file: Path | None = None, *, key: str = "", passphrase: str = "") -> Sealer:
    return Sealer(RootKeySource(file, key, passphrase), Entropy())


def seal(store: Store, by: Sealer, secret: bytes, identity: Key = WHO) -> bytes:
    async def run() -> bytes:
        return await store.write(lambda tx: by.seal(tx, identity, secret))

    return asyncio.run(run())


def opened(store: Store, by: Sealer, sealed: bytes, identity: Key = WHO) -> bytes:
    async def run() -> bytes:
        return await store.read(lambda at: by.open(at, identity, sealed))

    return asyncio.run(run())


def verify(store: Store, by: Sealer) -> None:
    async def run() -> None:
        await store.read(by.verify)

    asyncio.run(run())


def test_a_secret_opens_after_a_restart_with_the_same_file(tmp_path: Path) -> None:
    store, file = MemoryStore(), tmp_path / "data.key"
    verify(store, sealer(file))
    assert not file.exists()  # nothing was sealed yet, so no key is needed
    sealed = seal(store, sealer(file), b"a small secret")
    assert b"small" not in sealed
    assert [path.name for path in tmp_path.iterdir()] == ["data.key"]
    assert file.stat().st_mode & 0o777 == 0o600
    again = sealer(file)
    verify(store, again)
    assert opened(store, again, sealed) == b"a small secret"


def test_the_same_secret_is_never_sealed_alike() -> None:
    store, by = MemoryStore(), sealer(key=ROOT)
    assert seal(store, by, b"secret") != seal(store, by, b"secret")


def test_a_file_may_become_a_variable(tmp_path: Path) -> None:
    """The file holds what the variable takes, so a key can move into a container's secrets."""
    store, file = MemoryStore(), tmp_path / "data.key"
    sealed = seal(store, sealer(file), b"secret")
    assert opened(store, sealer(key=file.read_text()), sealed) == b"secret"


def test_a_passphrase_opens_what_it_sealed_and_no_other_does() -> None:
    store = MemoryStore()
    sealed = seal(store, sealer(passphrase="correct horse"), b"secret")
    assert opened(store, sealer(passphrase="correct horse"), sealed) == b"secret"
    with pytest.raises(PilviError, match="under another root key than that of PILVI_ROOT_PASS"):
        verify(store, sealer(passphrase="correct house"))


def test_without_its_root_key_a_store_does_not_start(tmp_path: Path) -> None:
    store, file = MemoryStore(), tmp_path / "data.key"
    sealed = seal(store, sealer(file), b"secret")
    file.rename(tmp_path / "elsewhere")
    with pytest.raises(PilviError, match="is not here") as missing:
        verify(store, sealer(file))
    assert "PILVI_ROOT_KEY" in missing.value.advice
    assert not file.exists()  # no second key was made in its place
    with pytest.raises(SecretsUnavailable):
        opened(store, sealer(file), sealed)
    with pytest.raises(SecretsUnavailable):
        seal(store, sealer(file), b"more")


@pytest.mark.parametrize("bit", range(0, 8 * 40, 7))
def test_a_changed_bit_does_not_open(bit: int) -> None:
    store, by = MemoryStore(), sealer(key=ROOT)
    sealed = bytearray(seal(store, by, b"0123456789ab"))
    sealed[bit // 8 % len(sealed)] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        opened(store, by, bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 5, 13, 20])
def test_a_cut_secret_does_not_open(length: int) -> None:
    store, by = MemoryStore(), sealer(key=ROOT)
    sealed = seal(store, by, b"secret")
    with pytest.raises(SealBroken):
        opened(store, by, sealed[:length])


def test_a_secret_does_not_open_for_another_record() -> None:
    store, by = MemoryStore(), sealer(key=ROOT)
    sealed = seal(store, by, b"secret")
    with pytest.raises(SealBroken, match="another record"):
        opened(store, by, sealed, (*WHO[:-1], "key-2"))


def test_a_secret_does_not_open_in_another_store_with_the_same_root_key() -> None:
    """Each store has a salt of its own: records copied between data directories stay shut."""
    one, two = MemoryStore(), MemoryStore()
    sealed = seal(one, sealer(key=ROOT), b"secret")
    by = sealer(key=ROOT)
    with pytest.raises(SealBroken, match="not sealed by this store"):
        opened(two, by, sealed)
    seal(two, by, b"its own")
    with pytest.raises(SealBroken):
        opened(two, by, sealed)


def test_another_root_key_is_noticed_before_anything_is_served() -> None:
    store = MemoryStore()
    seal(store, sealer(key=ROOT), b"secret")
    with pytest.raises(PilviError, match="under another root key than PILVI_ROOT_KEY"):
        verify(store, sealer(key=OTHER))


def test_an_erased_store_begins_anew_under_the_same_root_key() -> None:
    store, by = MemoryStore(), sealer(key=ROOT)
    old = seal(store, by, b"old")

    async def erase() -> None:
        await store.write(lambda tx: tx.delete_range(b"", b"\xff" * 8))

    asyncio.run(erase())
    new = seal(store, by, b"new")
    assert opened(store, by, new) == b"new"
    with pytest.raises(SealBroken):
        opened(store, by, old)


@pytest.mark.parametrize(
    "text", ["short", base64.b64encode(b"31 bytes is one too few for it.").decode()]
)
def test_what_is_no_key_is_named(text: str) -> None:
    with pytest.raises(PilviError, match="PILVI_ROOT_KEY is no root key"):
        verify(MemoryStore(), sealer(key=text))


def test_processes_that_seal_first_at_once_make_one_file(tmp_path: Path) -> None:
    file = tmp_path / "data.key"

    def begin(_: int) -> tuple[MemoryStore, bytes]:
        store = MemoryStore()
        return store, seal(store, sealer(file), b"secret")

    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(begin, range(8)))
    assert [path.name for path in tmp_path.iterdir()] == ["data.key"]
    for store, sealed in begun:
        assert opened(store, sealer(file), sealed) == b"secret"


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    store, file = MemoryStore(), tmp_path / "data.key"
    seal(store, sealer(file), b"secret")
    file.chmod(0o644)
    with pytest.raises(PilviError, match="can be read by other users"):
        verify(store, sealer(file))


def test_a_file_that_cannot_be_made_refuses_what_is_to_be_sealed(tmp_path: Path) -> None:
    with pytest.raises(SecretsUnavailable, match="cannot be made"):
        seal(MemoryStore(), sealer(tmp_path / "missing" / "data.key"), b"secret")


def test_two_root_keys_are_one_too_many() -> None:
    both = {"PILVI_ROOT_KEY": ROOT, "PILVI_ROOT_PASSPHRASE": "x"}
    with pytest.raises(PilviError, match="both set"):
        RootKeySource.of_environment(None, both)


def test_a_root_key_is_not_printed() -> None:
    assert ROOT not in repr(RootKeySource(None, key=ROOT))
    assert "horse" not in repr(RootKeySource(None, passphrase="horse"))
