"""A room takes what its maker signed, and nothing else: otherwise whoever holds the link or a stick owns the room."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioning.updating.bundle import kind_here
from provisioning.updating.errors import Refused, Unreachable
from provisioning.updating.publishing import LIFE
from provisioning.updating.sources import Folder
from provisioning.updating.trust import Repository, anchor_at, check_anchor
from tests.peers.updates import Maker

NOW = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
HERE = kind_here()


@pytest.fixture(name="maker")
def _maker(tmp_path: Path) -> Maker:
    maker = Maker(tmp_path / "maker", NOW)
    maker.publish("1.0")
    return maker


def room(tmp_path: Path, maker: Maker, *, at: datetime = NOW, repository: Path | None = None) -> Repository:
    """The same room each time: it remembers what it has seen."""
    source = Folder(repository or maker.repository)
    return Repository(source, maker.anchor, tmp_path / "seen", at.timestamp())


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        work()
    said = str(caught.value)
    assert said.count(". ") <= 1
    assert "\n" not in said
    return said


def test_what_the_maker_published_is_offered_with_every_wheel(tmp_path: Path, maker: Maker) -> None:
    maker.publish("1.10")
    maker.publish("1.9")
    repository = room(tmp_path, maker)
    assert [each.version for each in repository.releases()] == ["1.0", "1.9", "1.10"]
    bundle = repository.bundle("1.10", HERE)
    assert [wheel.file for wheel in bundle.wheels] == ["darsbox-1.10-py3-none-any.whl", "steady-1.0-py3-none-any.whl"]
    assert all((maker.repository / wheel.path).stat().st_size == wheel.bytes for wheel in bundle.wheels)
    assert bundle.lock().startswith("darsbox==1.10 --hash=sha256:")


def test_what_another_key_signed_is_refused(tmp_path: Path, maker: Maker) -> None:
    other = Maker(tmp_path / "other", NOW)
    other.publish("9.9")
    said = refusal(lambda: room(tmp_path, maker, repository=other.repository).releases())
    assert "not signed by whom this room trusts" in said


def test_what_nobody_signed_is_refused(tmp_path: Path, maker: Maker) -> None:
    file = maker.repository / "metadata" / "timestamp.json"
    found = json.loads(file.read_text())
    found["signatures"] = []
    file.write_text(json.dumps(found))
    assert "not signed" in refusal(lambda: room(tmp_path, maker).releases())


def test_a_flipped_bit_anywhere_is_refused(tmp_path: Path, maker: Maker) -> None:
    """In what is signed, in what signs it, and in what the signatures speak of."""
    newest = [
        maker.repository / "metadata" / "timestamp.json",
        maker.repository / "metadata" / "2.snapshot.json",
        maker.repository / "metadata" / "2.targets.json",
        *maker.repository.glob("targets/bundles/1.0/*.json"),
    ]
    for file in newest:
        whole = file.read_bytes()
        for place in (len(whole) // 3, len(whole) // 2, len(whole) - 40):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            fresh = Repository(
                Folder(maker.repository), maker.anchor, tmp_path / f"{file.name}{place}", NOW.timestamp()
            )
            with pytest.raises(Refused):
                fresh.bundle("1.0", HERE)
        file.write_bytes(whole)
    assert room(tmp_path, maker).bundle("1.0", HERE).version == "1.0"


def test_what_is_longer_than_what_was_signed_is_refused(tmp_path: Path, maker: Maker) -> None:
    (bundle,) = maker.repository.glob("targets/bundles/1.0/*.json")
    bundle.write_bytes(bundle.read_bytes() + b" " * 100_000)
    assert "changed" in refusal(lambda: room(tmp_path, maker).bundle("1.0", HERE))


def test_a_room_that_has_seen_something_newer_takes_nothing_older(tmp_path: Path, maker: Maker) -> None:
    """Someone on the line shows the repository of last year, whose holes are known."""
    metadata = maker.repository / "metadata"
    old = (metadata / "timestamp.json").read_bytes()
    maker.publish("2.0")
    assert room(tmp_path, maker).releases()[-1].version == "2.0"
    (metadata / "timestamp.json").write_bytes(old)
    assert "older than those this room has seen" in refusal(lambda: room(tmp_path, maker).releases())


def test_a_repository_that_stands_still_is_not_believed_for_ever(tmp_path: Path, maker: Maker) -> None:
    """Otherwise somebody could keep a room from hearing of a newer version, for good."""
    soon, late = NOW + LIFE["online"] - timedelta(hours=1), NOW + LIFE["online"] + timedelta(hours=1)
    assert room(tmp_path, maker, at=soon).releases()
    assert "out of date" in refusal(lambda: room(tmp_path, maker, at=late).releases())
    maker.publisher(late).refresh()
    assert room(tmp_path, maker, at=late).releases()


def test_a_maker_who_refreshes_for_years_is_believed_for_years(tmp_path: Path, maker: Maker) -> None:
    at = NOW
    while at < NOW + 2 * LIFE["targets"]:
        at += LIFE["online"] * 0.8
        maker.publisher(at).refresh()
        assert room(tmp_path, maker, at=at).bundle("1.0", HERE)


def test_new_keys_are_found_by_rooms_that_trust_the_old_root(tmp_path: Path, maker: Maker) -> None:
    assert room(tmp_path, maker).releases()
    thief = tmp_path / "stolen"
    thief.mkdir()
    for name in ("targets", "online"):
        (maker.keys / f"{name}.pem").rename(thief / f"{name}.pem")
    fresh = Maker(tmp_path / "fresh", NOW)
    for name in ("targets", "online"):
        (fresh.keys / f"{name}.pem").rename(maker.keys / f"{name}.pem")
    maker.publisher().renew_root()
    maker.publish("1.1")
    assert room(tmp_path, maker).releases()[-1].version == "1.1"
    for name in ("targets", "online"):
        (thief / f"{name}.pem").rename(maker.keys / f"{name}.pem")
    maker.publish("6.6")
    assert "not signed" in refusal(lambda: room(tmp_path, maker).releases())


def test_another_kind_of_machine_is_told_so(tmp_path: Path, maker: Maker) -> None:
    maker.publish("2.0", kind="riscv64-cp311")
    said = refusal(lambda: room(tmp_path, maker).bundle("2.0", HERE))
    assert said == f"Version 2.0 is for other machines (riscv64-cp311) and this one is {HERE}; nothing was changed."


def test_a_version_that_is_not_there_yet_may_come(tmp_path: Path, maker: Maker) -> None:
    with pytest.raises(Unreachable, match=r"does not have version 7\.0; it has 1\.0"):
        room(tmp_path, maker).bundle("7.0", HERE)


def test_an_empty_stick_is_told_so(tmp_path: Path, maker: Maker) -> None:
    with pytest.raises(Unreachable, match="copy the whole folder of updates there"):
        room(tmp_path, maker, repository=tmp_path / "nothing").releases()


@pytest.mark.parametrize("data", [b"", b"{}", b"not json", b'{"signed": {"_type": "root"}, "signatures": []}'])
def test_only_a_root_that_vouches_for_itself_is_trusted(tmp_path: Path, maker: Maker, data: bytes) -> None:
    check_anchor(maker.anchor)
    assert "no root.json" in refusal(lambda: check_anchor(data))
    said = refusal(lambda: Repository(Folder(maker.repository), data, tmp_path / "seen", NOW.timestamp()))
    assert "provision update trust" in said


def test_a_room_that_trusts_nobody_says_so(tmp_path: Path) -> None:
    assert "trusts nobody's updates" in refusal(lambda: anchor_at(tmp_path / "none.json"))


def test_what_was_lost_of_what_was_seen_is_fetched_anew(tmp_path: Path, maker: Maker) -> None:
    """TUF's client renames without a sync, so a power cut can leave its files empty."""
    assert room(tmp_path, maker).releases()
    for file in (tmp_path / "seen").rglob("*.json"):
        if not file.is_symlink():
            file.write_bytes(b"")
    assert room(tmp_path, maker).releases()
