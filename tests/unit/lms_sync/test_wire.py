"""What is signed is what was meant: a proof or a receipt for anything else is none."""

from __future__ import annotations

import dataclasses

import pytest

from lms_sync import wire

KEY, OTHER = wire.new_key(), wire.new_key()
ASSET = wire.Asset(
    lesson="01JD0000000000000000000000",
    kind="take",
    source="front",
    path="front/take-001.mp4",
    tier="master",
    bytes=7,
    sha256="a" * 64,
)
REQUEST = {"method": "PATCH", "path": "/api/v1/uploads/1?x=1", "body_sha256": "b" * 64, "now": 1e9}


def test_a_proof_is_good_for_its_request_only() -> None:
    proof = wire.prove(KEY, "room", **REQUEST)  # type: ignore[arg-type]  # one dict for both directions
    assert wire.proof_room(proof) == "room"
    wire.check_proof(proof, KEY, **REQUEST)  # type: ignore[arg-type]
    for name, value in [("method", "DELETE"), ("path", "/api/v1/uploads/2"), ("body_sha256", "c" * 64)]:
        with pytest.raises(wire.BadSignature):
            wire.check_proof(proof, KEY, **{**REQUEST, name: value})  # type: ignore[arg-type]
    with pytest.raises(wire.BadSignature):
        wire.check_proof(proof, OTHER, **REQUEST)  # type: ignore[arg-type]
    for late in (-wire.MAX_SKEW - 1, wire.MAX_SKEW + 1):
        with pytest.raises(wire.ClockSkew):
            wire.check_proof(proof, KEY, **{**REQUEST, "now": 1e9 + late})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "Darsbox", "Darsbox x.y.z", "Bearer abc", "Darsbox \xff", "Darsbox ..", "Darsbox a"]
)
def test_what_is_no_proof_is_said(text: str) -> None:
    with pytest.raises(wire.BadSignature):
        wire.proof_room(text)


def test_a_receipt_is_good_for_its_asset_only() -> None:
    receipt = wire.sign_receipt(KEY, server="s", room="room", asset=ASSET, now=1.0)
    assert wire.check_receipt(receipt, KEY, room="room", asset=ASSET)["bytes"] == 7
    with pytest.raises(wire.BadSignature):
        wire.check_receipt(receipt, OTHER, room="room", asset=ASSET)
    with pytest.raises(wire.BadSignature):
        wire.check_receipt(receipt, KEY, room="another", asset=ASSET)
    for change in ({"bytes": 8}, {"sha256": "b" * 64}, {"path": "front/take-002.mp4"}):
        with pytest.raises(wire.BadSignature):
            wire.check_receipt(receipt, KEY, room="room", asset=dataclasses.replace(ASSET, **change))


def test_a_word_of_a_half_is_good_for_its_asset_only_and_is_no_receipt() -> None:
    """Else a lesson of which the server has half would be removed from its room."""
    half = wire.sign_half(KEY, server="s", room="room", asset=ASSET, has=3, now=1.0)
    assert wire.check_half(half, KEY, room="room", asset=ASSET) == 3
    with pytest.raises(wire.BadSignature):
        wire.check_receipt(half, KEY, room="room", asset=ASSET)
    receipt = wire.sign_receipt(KEY, server="s", room="room", asset=ASSET, now=1.0)
    for token, key, room in ((receipt, KEY, "room"), (half, OTHER, "room"), (half, KEY, "another")):
        with pytest.raises(wire.BadSignature):
            wire.check_half(token, key, room=room, asset=ASSET)
    for has in (-1, 0, ASSET.bytes + 1, True, 2.5, "3"):
        odd = wire.sign_half(KEY, server="s", room="room", asset=ASSET, has=has, now=1.0)  # type: ignore[arg-type]  # what no server of ours says
        with pytest.raises(wire.BadSignature):
            wire.check_half(odd, KEY, room="room", asset=ASSET)


def test_a_proof_is_no_receipt() -> None:
    proof = wire.prove(KEY, "room", **REQUEST)  # type: ignore[arg-type]
    with pytest.raises(wire.BadSignature):
        wire.check_receipt(proof.partition(" ")[2], KEY, room="room", asset=ASSET)


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a/../b", ".hidden", "a//b", "a/", "", "a\0b", "a\\b", "a b", "x" * 101]
)
def test_no_name_climbs_out_of_a_lesson(path: str) -> None:
    with pytest.raises(ValueError, match="not a plain name"):
        wire.Asset.from_metadata({**ASSET.metadata(), "path": path}, 7)


def test_metadata_goes_there_and_back() -> None:
    assert wire.Asset.from_metadata(ASSET.metadata(), 7) == ASSET
    for name in ASSET.metadata():
        lacking = {key: value for key, value in ASSET.metadata().items() if key != name}
        with pytest.raises(ValueError, match=f"does not say its {name}"):
            wire.Asset.from_metadata(lacking, 7)
