"""Many ES modules sent as one: a browser asks once, and not once for each.

No build: the daemon does it with what lies in ``static/``, when the first page is asked for. Only what our own scripts
are written in is understood, and everything else is refused, which a test of all of them would show:

    import { a, b } from "./other.js";          at the beginning of a line, of the same folder, under the same names
    export class, function, async function, const      likewise
    `texts` within one line                            for comments that have their lines for themselves are left out

Each module becomes a function of its own, so that two may have a name for themselves; what one exports, the whole
exports too, so that a module which is fetched later finds the same things under its import map. The whole begins with
the word that has Chromium compile all of it at once, beside the page: else it compiles each function when it is first
called, while the teacher waits (V8's explicit compile hints, from Chromium 136 on; others read a comment).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

_IMPORT = re.compile(r'^import \{([\w\s,$]*)\} from "\./([\w.-]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:class|(?:async )?function\*?|const) (\w+))", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?:/\*\*.*?\*/|//[^\n]*)$", re.MULTILINE | re.DOTALL)
"""One that has its lines for itself: a quarter of what is written, all of which a poor panel reads before it shows a
thing."""
_AT_ONCE = "//# allFunctionsCalledOnLoad\n"
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class CannotJoin(ValueError):
    """Says in one sentence which module is written in a way that is not understood here."""


def joined(modules: Mapping[str, str], entry: str) -> tuple[str, list[str]]:
    """One module that runs entry, and the names of those that are in it. modules: text by name, all of one folder.
    Raises CannotJoin."""
    needs: dict[str, list[str]] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in needs:
            continue
        if name not in modules:
            raise CannotJoin(f"There is no {name}.")
        needs[name] = [found[2] for found in _IMPORT.finditer(modules[name])]
        waiting += needs[name]
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise CannotJoin(f"{' imports '.join(reversed(error.args[1]))}, in a circle.") from error
    exported: dict[str, str] = {}
    return _AT_ONCE + "".join(_as_function(name, modules[name], exported) for name in order), order


def _as_function(name: str, text: str, exported: dict[str, str]) -> str:
    """exported: the module of each name so far."""
    names = _EXPORT.findall(text)
    for each in names:
        if each in exported:
            raise CannotJoin(f"{exported[each]} and {name} both export {each}.")
        exported[each] = name
    code = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    body = _EXPORT.sub("", _IMPORT.sub(lambda found: f"const {{{found[1]}}} = {_variable(found[2])};", code))
    if long := next((line for line in body.splitlines() if line.count("`") % 2), None):
        raise CannotJoin(f"{name} has a text of more than one line, in which comments would be none: {long}")
    if other := _OTHER.search(body):
        raise CannotJoin(f"{name} has a line that cannot be joined: {other[0]}")
    listed = ", ".join(names)
    told = f"export const {{ {listed} }} = {_variable(name)};\n" if names else ""
    return f"// {name}\nconst {_variable(name)} = (() => {{\n{body}\nreturn {{ {listed} }};\n}})();\n{told}"


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))
