"""Make static/locale/<language>.json of locale/<language>.po: ``python -m kiosk_ui.compile``.

gettext numbers its plural forms, browsers name them (``Intl.PluralRules``: zero, one, two, few, many, other). Both
rules are asked for every number up to a thousand; a catalogue whose numbering does not fit the language's names is
refused.
"""

from __future__ import annotations

import gettext
import json
import sys
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

HERE = Path(__file__).parent
NUMBERS = range(1001)
"""Every plural rule of gettext repeats itself within a thousand."""


class BadCatalogue(ValueError):
    """Says in one sentence what is wrong with a catalogue."""


def languages(folder: Path = HERE / "locale") -> list[str]:
    """The languages there are catalogues of."""
    return sorted(path.stem for path in folder.glob("*.po"))


def compiled(language: str, text: str) -> str:
    """The JSON of a catalogue: sentence by key, or for a plural its forms by name. Raises BadCatalogue."""
    catalogue = read_po(text.splitlines(keepends=True), locale=language, abort_invalid=True)
    names = plural_names(language, catalogue)
    sentences = {_key(message): _sentence(message, names, language) for message in catalogue if message.id}
    return json.dumps(sentences, ensure_ascii=False, indent=1) + "\n"


def plural_names(language: str, catalogue: Catalog) -> list[str]:
    """The browsers' name of each of gettext's forms, in their order. Raises BadCatalogue."""
    number_of = gettext.c2py(catalogue.plural_expr)
    name_of = Locale.parse(language).plural_form
    names: dict[int, str] = {}
    for n in NUMBERS:
        if names.setdefault(number_of(n), name_of(n)) != name_of(n):
            raise BadCatalogue(f"{language}.po: its Plural-Forms do not fit the language's plurals at {n}.")
    return [names[form] for form in range(catalogue.num_plurals)]


def _key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _sentence(message: Message, names: list[str], language: str) -> str | dict[str, str]:
    text = message.string
    forms = (text,) if isinstance(text, str) else tuple(text or ())
    if message.fuzzy or not forms or not all(forms):
        raise BadCatalogue(f"{language}.po: {_key(message)} is not translated; write its sentence.")
    if isinstance(text, str):
        return text
    by_name = dict(zip(names, forms, strict=True))
    # What the rules of gettext never reach, decimals or millions, browsers call "other".
    by_name.setdefault("other", forms[-1])
    return by_name


def main() -> None:
    for language in languages():
        text = (HERE / "locale" / f"{language}.po").read_text("utf-8")
        target = HERE / "static" / "locale" / f"{language}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(compiled(language, text), "utf-8")


if __name__ == "__main__":
    try:
        main()
    except BadCatalogue as error:
        sys.exit(str(error))
