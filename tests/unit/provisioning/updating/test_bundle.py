"""Versions are compared as people mean them, and a bundle names nothing that could be taken for a path."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioning.updating.bundle import Bundle, order_of

WHEEL = {"file": "darsbox-1.0-py3-none-any.whl", "sha256": "ab" * 32, "bytes": 7}
BUNDLE = {"version": "1.0", "kind": "x86_64-cp311", "unpacked": 70, "wheels": [WHEEL]}


def test_later_versions_come_later() -> None:
    rising = ["0.9", "0.10", "1.0.dev20261128", "1.0.dev20261129", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.1"]
    assert sorted(rising, key=order_of) == rising


@pytest.mark.parametrize("wrong", ["", "newest", "1.0~dev1", "1 0", "../1"])
def test_what_is_no_version_is_not_compared(wrong: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        order_of(wrong)


def test_a_bundle_is_read_as_it_was_written() -> None:
    bundle = Bundle.from_json(json.dumps(BUNDLE).encode())
    assert Bundle.from_json(bundle.to_json().encode()) == bundle
    assert bundle.lock() == f"darsbox==1.0 --hash=sha256:{'ab' * 32}\n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": "../1"},
        {"version": 1},
        {"kind": ""},
        {"unpacked": -1},
        {"unpacked": True},
        {"wheels": []},
        {"wheels": {}},
        {"wheels": [7]},
        {"wheels": [{**WHEEL, "file": "../darsbox-1.0-py3-none-any.whl"}]},
        {"wheels": [{**WHEEL, "file": "/etc/darsbox-1.0-py3-none-any.whl"}]},
        {"wheels": [{**WHEEL, "file": "darsbox-1.0.tar.gz"}]},
        {"wheels": [{**WHEEL, "file": "steady-1.0-py3-none-any.whl"}]},
        {"wheels": [{**WHEEL, "sha256": "AB" * 32}]},
        {"wheels": [{**WHEEL, "bytes": "7"}]},
        {"wheels": [WHEEL] * 1001},
    ],
)
def test_a_bundle_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Bundle.from_json(json.dumps({**BUNDLE, **wrong}).encode())
