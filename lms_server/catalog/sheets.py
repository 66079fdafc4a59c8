"""Tables that people bring as CSV: read to the end, every mistake named by its line, nothing half believed."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Collection, Iterator

from lms_server.errors import BadRequest

LARGEST = 32 * 1024 * 1024
"""Bytes; a university of two hundred thousand enrolments is less."""
MOST_TOLD = 50
"""Mistakes that are named; who has more has one that repeats."""
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Mistakes:
    """What is wrong with a sheet, line by line."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def add(self, line: int, sentence: str) -> None:
        self._said.append(f"Line {line}: {sentence}")

    def check(self) -> None:
        """Raises BadRequest when there were any: one sentence a line."""
        if not self._said:
            return
        more = len(self._said) - MOST_TOLD
        rest = [f"There are {more} more mistakes."] if more > 0 else []
        raise BadRequest("bad-sheet", "\n".join([*self._said[:MOST_TOLD], *rest, "Nothing was changed."]))


class Line(dict[str, str]):
    """One line of a sheet by the names of its columns, without spaces around; a column that is not there is empty."""

    def __init__(self, number: int, cells: dict[str, str]) -> None:
        super().__init__(cells)
        self.number = number

    def __missing__(self, column: str) -> str:
        return ""


def read(content: bytes, encoding: str, *, needed: Collection[str], known: Collection[str]) -> list[Line]:
    """The lines of a sheet with its columns in whatever order, parted by commas, semicolons or tabs.

    encoding: "" finds UTF-8 and UTF-16 out; others cannot be told from each other and must be named. needed: columns
    without which it makes no sense; known: all that it may have. Raises BadRequest.
    """
    if len(content) > LARGEST:
        raise BadRequest("bad-sheet", f"The file is larger than {LARGEST >> 20} MiB; import it in several parts.")
    text = _text(content, encoding)
    head = text.lstrip("\r\n").partition("\n")[0]
    parted_by = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=parted_by, strict=True)
    try:
        lines = [(rows.line_num, [cell.strip() for cell in row]) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadRequest("bad-sheet", f"Line {rows.line_num}: a quotation mark is out of place ({error}).") from error
    if not lines:
        raise BadRequest("bad-sheet", "The file is empty; its first line names its columns.")
    columns = [cell.lower().replace(" ", "_") for cell in lines[0][1]]
    mistakes = Mistakes()
    for sentence in _flaws(columns, needed, known):
        mistakes.add(lines[0][0], sentence)
    mistakes.check()
    found = []
    for number, cells in lines[1:]:
        if len(cells) > len(columns):
            mistakes.add(number, f"it has {len(cells)} cells, and there are {len(columns)} columns.")
        elif any(not cell.replace("\n", "").isprintable() for cell in cells):
            mistakes.add(number, "it has signs that cannot be shown.")
        found.append(Line(number, dict(zip(columns, cells, strict=False))))
    mistakes.check()
    return found


def _text(content: bytes, encoding: str) -> str:
    """Raises BadRequest."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding or marked)
    except LookupError as error:
        sentence = f"There is no encoding {encoding[:60]!r}; windows-1256 is one."
        raise BadRequest("bad-encoding", sentence) from error
    except UnicodeError as error:
        line = content[: getattr(error, "start", 0)].count(b"\n") + 1
        hint = "say how the file was saved: --encoding windows-1256 for Arabic, windows-1252 for French."
        raise BadRequest("bad-encoding", f"Line {line} is not in {encoding or 'UTF-8'}; {hint}") from error


def _flaws(columns: list[str], needed: Collection[str], known: Collection[str]) -> Iterator[str]:
    for column in columns:
        if column not in known:
            near = difflib.get_close_matches(column, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it may have {', '.join(known)}."
            yield f"there is no column {column!r}; {hint}"
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        yield f"the column {column!r} is there twice."
    for column in needed:
        if column not in columns:
            yield f"the column {column!r} is missing."
