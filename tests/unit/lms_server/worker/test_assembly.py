"""An order that cannot be carried out is answered, not died of."""

from __future__ import annotations

import json
from pathlib import Path

from lms_server.worker.assembly import assemble
from tests.unit.lms_server.ingest.test_manifest import lesson


def order(folder: Path, text: str) -> dict[str, object]:
    manifest = folder / "lesson.json"
    manifest.write_text(text)
    out = folder / "out"
    out.mkdir()
    rubbish = folder / "rubbish.mp4"
    rubbish.write_bytes(b"no recording")
    return {"manifest": str(manifest), "files": {"front/take-001.mp4": str(rubbish)}, "out": str(out)}


def test_a_malformed_manifest_is_final(tmp_path: Path) -> None:
    answer = assemble(order(tmp_path, "{}"))
    assert answer["final"]
    assert answer["problem"].startswith("lesson.json")


def test_a_lesson_of_rubbish_is_answered_in_a_sentence(tmp_path: Path) -> None:
    answer = assemble(order(tmp_path, lesson().to_json()))
    assert answer["problem"].endswith(".")
    assert json.dumps(answer)


def test_a_disk_that_refuses_is_tried_again(tmp_path: Path) -> None:
    wanted = order(tmp_path, lesson().to_json())
    Path(str(wanted["manifest"])).unlink()
    answer = assemble(wanted)
    assert (answer["final"], answer["full"]) == (False, False)
