"""What one room.toml has that another has not, as a person would say it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from appliance.dumping import masked_table
from appliance.sentences import shown
from provisioning.layers import Room, places

What = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One key: "camera.front.url". before, after: None where there is none; secrets are masked."""

    key: str
    what: What
    before: Any
    after: Any

    @property
    def line(self) -> str:
        if self.what == "added":
            return f"+ {self.key} = {shown(self.after)}"
        if self.what == "removed":
            return f"- {self.key} = {shown(self.before)}"
        return f"~ {self.key} = {shown(self.before)} -> {shown(self.after)}"


def changes(before: Room, after: Room) -> Iterator[Change]:
    """By key, in alphabetical order. What only stands elsewhere in the file is no change, but for the order of a kind's
    devices, which is that of preference."""
    old, new = _shown(before), _shown(after)
    for key in sorted(old | new):
        if key not in old:
            yield Change(key, "added", None, new[key][1])
        elif key not in new:
            yield Change(key, "removed", old[key][1], None)
        elif old[key][0] != new[key][0]:
            yield Change(key, "changed", old[key][1], new[key][1])


def _shown(room: Room) -> dict[str, tuple[Any, Any]]:
    """The value, and the value without secrets."""
    found = {
        ".".join(place): (value, masked_table({place[-1]: value})[place[-1]]) for place, value in places(room).items()
    }
    for kind, entries in room.items():
        if isinstance(entries, list) and len(entries) > 1:
            order = [str(entry.get("id", "")) for entry in entries if isinstance(entry, dict)]
            found[f"{kind} (order)"] = (order, order)
    return found
