"""What the doctor says of updates: of a room's, and of the folder where a maker's lie. Looks, and changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from appliance.spool import wanted
from appliance.spool.clock import Clock
from appliance.spool.layout import Spool
from provisioning import slots
from provisioning.doctor import Finding
from provisioning.updating import journal, waiting

LONG = 2 * 86400.0
"""Seconds for which a version may wait: rooms ask twice an hour, and some nights have no link."""
SOON = {"root": 90 * 86400.0, "targets": 30 * 86400.0, "snapshot": 14 * 86400.0, "timestamp": 14 * 86400.0}
"""Seconds before its end in which a signature is to be renewed."""
LOG = "journalctl -u darsbox-update -n 50"
_STAYS = "The room stays on the version that it has; it records."


def of_room(root: Path, spool: Path, anchor: Path) -> list[Finding]:
    """Nothing where no room is installed. root: of the versions."""
    current = slots.current(root)
    if current is None:
        return []
    folder, clock, said = root / "updates", Clock(Spool(spool)), journal.read(root / "updates")
    found = []
    if said.phase != "settled":
        detail = f"An update from {said.old} to {said.new} was begun and has not ended ({said.phase})."
        found.append(Finding("update", "warning", detail, "It is judged at the machine's next start.", LOG))
    elif said.bad:
        why = f"{_STAYS} {said.bad} is not tried again until somebody says so."
        command = f"{LOG}; once mended: provision update apply --again --version {said.bad} --from FOLDER"
        found.append(Finding("update", "error", f"Version {said.bad} was tried and failed: {said.why}", why, command))
    else:
        found.append(Finding("update", "ok", said.last or f"Version {current} is in use, by its package."))
    wish = wanted.read(Spool(spool))
    pending = wish not in ("", current, said.bad)
    if pending:
        found.append(_pending(wish, waiting.read(folder), clock.now()))
    if not anchor.exists():
        command = "provision update trust root.json"
        found.append(Finding("update-trust", "warning", "This room trusts nobody's updates.", _STAYS, command))
        return found
    roles = ("root", "timestamp") if pending else ("root",)
    seen = {role: folder / "seen" / f"{role}.json" for role in roles}
    seen["root"] = seen["root"] if seen["root"].exists() else anchor
    for role, file in seen.items():
        found += _ends(role, file, clock.passed(), "On the maker's machine: ")
    return found


def of_maker(repository: Path, now: float) -> list[Finding]:
    """Of the folder that ``provision update begin`` made; now: Unix seconds."""
    metadata = repository / "metadata"
    newest = {role: _newest(metadata, role) for role in SOON}
    if any(file is None for file in newest.values()):
        command = f"provision update begin {repository} --keys KEYS"
        return [Finding("updates-folder", "error", f"{repository} is no folder of updates.", _STAYS, command)]
    found = [each for role, file in newest.items() if file is not None for each in _ends(role, file, now, "")]
    return found or [Finding("updates-folder", "ok", f"All signatures in {repository} hold for a while.")]


def _pending(wish: str, waits: waiting.Waiting | None, now: float | None) -> Finding:
    detail = f"The server wants version {wish} here"
    if waits is None or waits.version != wish:
        return Finding("update-pending", "ok", f"{detail}, and the room has not asked for it yet.")
    since = f" since {_shown(waits.since)}" if waits.since else ""
    long = bool(waits.since) and now is not None and now - waits.since > LONG
    detail = f"{detail}; it waits{since}: {waits.why}"
    command = "systemctl start darsbox-update, or by stick: provision update apply --from FOLDER"
    return (
        Finding("update-pending", "warning", detail, _STAYS, command)
        if long
        else Finding("update-pending", "ok", detail)
    )


def _ends(role: str, file: Path, now: float, where: str) -> list[Finding]:
    """What to say of a signature that is over, or will be soon; now: Unix seconds that have certainly passed."""
    end = _end(file)
    code = f"update-{role}"
    if end is None:
        why = "No update is believed then."
        return [Finding(code, "warning", f"{file} cannot be read.", why, "provision update trust root.json")]
    if end - now > SOON[role]:
        return []
    over = end <= now
    detail = f"The signature of the updates' {role} {'was' if over else 'is'} good until {_shown(end)}."
    order = "renew-root" if role == "root" else "refresh"
    why = "Rooms take no update after that; they record on."
    return [
        Finding(
            code, "error" if over else "warning", detail, why, f"{where}provision update {order} FOLDER --keys KEYS"
        )
    ]


def _end(file: Path) -> float | None:
    """Unix seconds; None when it cannot be read."""
    try:
        return datetime.fromisoformat(str(json.loads(file.read_bytes())["signed"]["expires"])).timestamp()
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _newest(metadata: Path, role: str) -> Path | None:
    if role == "timestamp":
        file = metadata / "timestamp.json"
        return file if file.exists() else None
    numbered = {int(file.name.partition(".")[0]): file for file in metadata.glob(f"[0-9]*.{role}.json")}
    return numbered[max(numbered)] if numbered else None


def _shown(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")
