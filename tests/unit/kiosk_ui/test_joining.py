"""The panel's scripts come as one: what they do must be what they would do one by one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kiosk_ui.joining import CannotJoin, joined
from kiosk_ui.page import ENTRY, STATIC

SAYS = """
const NAME = "says";
let times = 0;
/** @import { Shape } from "./never.js" */
export const word = (text) => `${NAME} ${text} ${++times}`;
export async function* several() {
  yield word("a");
}
"""
MAIN = """// Speaks.
import { Speaker } from "./speaker.js";
import { several, word } from "./says.js";

const NAME = "main";
several().next();
console.log(new Speaker().speak(), word(NAME));
"""
SPEAKER = """import {
  word,
} from "./says.js";

const NAME = "speaker";

export class Speaker {
  speak() {
    return word(NAME);
  }
}
"""
MODULES = {"main.js": MAIN, "says.js": SAYS, "speaker.js": SPEAKER}


def run(folder: Path, modules: dict[str, str], entry: str) -> str:
    for name, text in modules.items():
        (folder / name).write_text(text)
    (folder / "package.json").write_text('{"type": "module"}')
    return subprocess.run(["node", str(folder / entry)], capture_output=True, text=True, check=True).stdout


def test_what_is_joined_does_what_its_modules_do(tmp_path: Path) -> None:
    """Each has names of its own, and what one counts all count."""
    apart, as_one = tmp_path / "apart", tmp_path / "as-one"
    apart.mkdir()
    as_one.mkdir()
    text, names = joined(MODULES, "main.js")
    assert sorted(names) == sorted(MODULES)
    assert run(as_one, {"all.js": text}, "all.js") == run(apart, MODULES, "main.js") != ""


def test_a_module_that_is_fetched_later_finds_the_same_things(tmp_path: Path) -> None:
    modules = {"says.js": SAYS, "main.js": 'import { word } from "./says.js";\n\nword("first");\n'}
    text, _ = joined(modules, "main.js")
    later = 'import { word } from "./all.js";\n\nconsole.log(word("later"));\n'
    assert run(tmp_path, {"all.js": text, "later.js": later}, "later.js") == "says later 2\n"


def test_the_whole_asks_to_be_compiled_at_once() -> None:
    """The word counts in the first line only; without it Start stands there a tenth later on a poor panel."""
    text, _ = joined({"main.js": "export const one = 1;"}, "main.js")
    assert text.splitlines()[0] == "//# allFunctionsCalledOnLoad"


def test_only_what_is_needed_comes() -> None:
    assert joined(MODULES, "speaker.js")[1] == ["says.js", "speaker.js"]


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ({"main.js": 'import { a } from "./gone.js";\n'}, "There is no gone.js"),
        ({"main.js": 'import * as all from "./says.js";\n', "says.js": SAYS}, "main.js has a line that cannot be"),
        ({"main.js": "const text = `one\n// two`;\n"}, "main.js has a text of more than one line"),
        ({"main.js": "export default 1;\n"}, "main.js has a line that cannot be joined: export default 1;"),
        (
            {"main.js": 'import { a } from "./b.js";\n', "b.js": 'import { c } from "./main.js";\n'},
            "in a circle",
        ),
        (
            {
                "main.js": 'import { a } from "./b.js";\nimport { c } from "./c.js";\n',
                "b.js": "export const a = 1;\n",
                "c.js": "export const a = 2;\nexport const c = 3;\n",
            },
            "both export a",
        ),
    ],
)
def test_what_is_not_understood_is_refused_by_name(modules: dict[str, str], said: str) -> None:
    with pytest.raises(CannotJoin, match=said):
        joined(modules, "main.js")


def test_all_of_the_panel_can_be_joined(tmp_path: Path) -> None:
    """Else the daemon could not send its page."""
    text, names = joined({path.name: path.read_text("utf-8") for path in (STATIC / "js").glob("*.js")}, ENTRY)
    assert {path.name for path in (STATIC / "js").glob("*.js")} == set(names), "one that nobody imports is dead"
    file = tmp_path / "all.mjs"
    file.write_text(text)
    subprocess.run(["node", "--check", str(file)], check=True)
