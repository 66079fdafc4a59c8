"""What the technicians' screen sends other processes for. If these fail, an export that did nothing is called done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.api.errands import Errands
from appliance.errors import RoomError, WrongState
from appliance.spool.layout import Spool
from appliance.spool.ledger import Ledger


@pytest.mark.anyio
async def test_an_export_that_cannot_be_is_a_sentence_and_one_at_a_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.prepare()
    Ledger(spool.ledger_file).close()
    errands = Errands(spool.root, None, "http://127.0.0.1:1")
    try:
        errands.carry(str(tmp_path))
        with pytest.raises(WrongState):
            errands.carry(str(tmp_path))
        async with asyncio.timeout(60):
            while errands.export is not None and errands.export.state == "running":  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        assert errands.export is not None
        assert errands.export.state == "failed"
        assert "enrol" in errands.export.said
        errands.carry(str(tmp_path))
    finally:
        await errands.close()  # in the middle of the second one


@pytest.mark.anyio
async def test_a_daemon_without_a_file_has_no_doctor(tmp_path: Path) -> None:
    with pytest.raises(RoomError, match="appliance doctor"):
        await Errands(tmp_path, None, "http://127.0.0.1:1").examine()
