"""The list of drivers as docs/driver-list.md, from what they say about themselves: ``python -m drivers.listing``."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from drivers import registry
from drivers.manifest import DriverManifest
from drivers.panel import model

HEAD = """# List of drivers

Made by `python -m drivers.listing > docs/driver-list.md`; a test says when it is out of date. What a driver is and how
`room.toml` names it: [drivers.md](drivers.md). How to add one: [writing_a_driver.md](writing_a_driver.md).
"""


def page(manifests: Iterable[DriverManifest]) -> str:
    """The whole document."""
    lines = [HEAD, "| kind | driver | what | transport | can | tested with |", "|---|---|---|---|---|---|"]
    lines += [
        _row(
            entry.kind,
            f"`{entry.name}`",
            entry.title,
            ", ".join(entry.transports),
            ", ".join(sorted(entry.capabilities)),
            "; ".join(entry.tested_with) or "–",
        )
        for entry in manifests
    ]
    lines += ["", "Not supported, and why:", ""]
    lines += [f"- {kind} `{name}`: {reason}" for (kind, name), reason in registry.UNSUPPORTED.items()]
    lines += ["", "## Panels and projectors by profile", ""]
    lines += [
        '`driver = "profile"`, and `profile =` one of these. They were written from excerpts of the documents named,'
        " from other programs for the same devices, and from memory; nobody has held one against its whole document,"
        " and none was tried on the device itself unless the last column says so. The tests speak every example of a"
        " profile: *quoted* are those whose order, or its form, was taken from the document; the others were worked out"
        " by its rules, and prove only that the profile does what its author meant. So try a new panel with"
        " `appliance devices` before the first lesson, and tell us.",
        "",
        "| profile | what | models | transport | can | follows | examples | tested with |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in model.shipped():
        profile = model.load(name)
        offered = {"RS-232": profile.serial, "TCP": profile.tcp}
        ways = ", ".join(way for way, part in offered.items() if part is not None)
        can = ", ".join(action for action in model.ACTIONS if action in profile.can)
        tried = "; ".join(profile.tested_with) or "simulator"
        models = "; ".join(profile.models)
        quoted = sum(example.quoted for example in profile.example)
        proof = f"{quoted} quoted, {len(profile.example) - quoted} worked out"
        lines.append(_row(f"`{name}`", profile.title, models, ways, can, profile.document, proof, tried))
    return "\n".join([*lines, ""])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


if __name__ == "__main__":
    ours = [registry.load(kind, name).MANIFEST for kind, name in sorted(registry.BUILT_IN)]
    sys.stdout.write(page(ours))
