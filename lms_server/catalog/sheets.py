"""Tables that people bring as CSV: read to the end, every mistake named by its line, nothing half believed."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lms_server.errors import BadRequest

LARGEST = 32 * 1024 * 1024
"""Bytes; a university of two hundred thousand enrolments is less."""
MOST_TOLD = 50
"""Mistakes that are named; who has more has one that repeats."""
_ARABIC = re.compile(r"[\u0621-\u064a\u067e\u0686\u0698\u06a9\u06af\u06ba\u06be\u06c1\u06d2]")
_WORDS = re.compile(f"{_ARABIC.pattern}{{2,}}")
_NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16"}
_SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Mistakes:
    """What is wrong with a sheet, line by line. told: of how many."""

    def __init__(self, told: int = MOST_TOLD) -> None:
        self._said: list[tuple[int, str]] = []
        self._told = told

    def add(self, line: int, sentence: str, column: str = "") -> None:
        """column: as ``Sheet.column`` names it."""
        self._said.append((line, f"Line {line}{column and f', {column}'}: {sentence}"))

    def __len__(self) -> int:
        return len(self._said)

    def check(self) -> None:
        """Raises BadRequest when there were any: one sentence a line, in the order of the lines."""
        if not self._said:
            return
        more = len(self._said) - self._told
        rest = [f"There are {more} more mistakes."] if more > 0 else []
        said = [sentence for _, sentence in sorted(self._said, key=lambda each: each[0])]
        raise BadRequest("bad-sheet", "\n".join([*said[: self._told], *rest, "Nothing was changed."]))


class Line(dict[str, str]):
    """One line of a sheet by the names of its columns, without spaces around; a column that is not there is empty."""

    def __init__(self, number: int, cells: dict[str, str]) -> None:
        super().__init__(cells)
        self.number = number

    def __missing__(self, column: str) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that was read to its end. head: the number of the line that names the columns; flaws: what is wrong with
    it as a sheet, whatever it is about; encoding, parted_by: how it was read, for people."""

    head: int
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    flaws: Mistakes
    encoding: str
    parted_by: str

    def column(self, name: str) -> str:
        """As people find it. A column that is not there has no number."""
        return f"column {self.columns.index(name) + 1} ({name})" if name in self.columns else f"column {name}"


def read(content: bytes, encoding: str, *, needed: Collection[str], known: Collection[str]) -> list[Line]:
    """The lines of a sheet; every mistake of it is one, its encoding too, if that is not UTF-8 and was not named. See
    ``look``. Raises BadRequest."""
    sheet = look(content, encoding, needed=needed, known=known, guess=False)
    sheet.flaws.check()
    return list(sheet.lines)


def look(
    content: bytes,
    encoding: str,
    *,
    needed: Collection[str],
    known: Collection[str] = (),
    guess: bool = True,
    told: int = MOST_TOLD,
) -> Sheet:
    """A sheet with its columns in whatever order, parted by commas, semicolons or tabs.

    encoding: "" finds UTF-8 and UTF-16 out, and with guess Windows-1256, as Arabic Excel writes it, by whole words in
    Arabic; others cannot be told from each other and must be named. needed: columns without which it makes no sense;
    known: all that it may have, where that is settled. Raises BadRequest when there is nothing to be read.
    """
    if len(content) > LARGEST:
        raise BadRequest("bad-sheet", f"The file is larger than {LARGEST >> 20} MiB; import it in several parts.")
    if content.startswith(_WORKBOOKS):
        raise BadRequest(
            "bad-sheet", "This is a workbook of Excel or LibreOffice; save it as CSV (UTF-8), and try again."
        )
    text, encoding = _text(content, encoding, guess=guess)
    head = text.lstrip("\r\n").partition("\n")[0]
    parted_by = max(",;\t", key=head.count)
    flaws = Mistakes(told)
    rows = list(_rows(text, parted_by, flaws))
    if not rows:
        flaws.check()
        raise BadRequest("bad-sheet", "The file is empty; its first line names its columns.")
    (number, first), *rest = rows
    columns = tuple(cell.lower().replace(" ", "_") for cell in first)
    known_flaws = Mistakes(told)
    for sentence in _flaws(list(columns), needed, known):
        known_flaws.add(number, sentence)
    known_flaws.check()
    found = []
    for number, cells in rest:
        if len(cells) > len(columns):
            flaws.add(number, f"it has {len(cells)} cells, and there are {len(columns)} columns.")
        found.append(Line(number, dict(zip(columns, cells, strict=False))))
    sheet = Sheet(rows[0][0], columns, tuple(found), flaws, encoding, _SIGNS[parted_by])
    for line in found:
        for column, cell in line.items():
            if not cell.replace("\n", "").isprintable():
                flaws.add(line.number, "it has signs that cannot be shown.", sheet.column(column))
    return sheet


def _rows(text: str, parted_by: str, flaws: Mistakes) -> Iterator[tuple[int, list[str]]]:
    """Each with the number of the line in which it begins; what comes behind a broken quotation cannot be read."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=parted_by, strict=True)
    begins = 1
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                yield begins, [cell.strip() for cell in row]
            begins = rows.line_num + 1
    except csv.Error as error:
        flaws.add(begins, f"a quotation mark is out of place ({error}); what follows could not be read.")


def _text(content: bytes, encoding: str, *, guess: bool) -> tuple[str, str]:
    """The text, and its encoding for people. Raises BadRequest."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding or marked), encoding or _NAMES[marked]
    except LookupError as error:
        sentence = f"There is no encoding {encoding[:60]!r}; windows-1256 is one."
        raise BadRequest("bad-encoding", sentence) from error
    except UnicodeError as error:
        if guess and not encoding and marked == "utf-8":
            arabic = content.decode("windows-1256")
            if _in_arabic(arabic):
                return arabic, "Windows-1256 (Arabic)"
        line = content[: getattr(error, "start", 0)].count(b"\n") + 1
        hint = "say how the file was saved: --encoding windows-1256 for Arabic, windows-1252 for French."
        raise BadRequest("bad-encoding", f"Line {line} is not in {encoding or 'UTF-8'}; {hint}") from error


def _in_arabic(text: str) -> bool:
    """Whether Arabic letters stand in words. Read as Windows-1256, the signs of other encodings that look Arabic stand
    alone, between Latin letters."""
    letters = len(_ARABIC.findall(text))
    return letters > 0 and sum(map(len, _WORDS.findall(text))) > letters / 2


def _flaws(columns: list[str], needed: Collection[str], known: Collection[str]) -> Iterator[str]:
    for column in columns:
        if known and column not in known:
            near = difflib.get_close_matches(column, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it may have {', '.join(known)}."
            yield f"there is no column {column!r}; {hint}"
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        yield f"the column {column!r} is there twice."
    for column in needed:
        if column not in columns:
            yield f"the column {column!r} is missing."
