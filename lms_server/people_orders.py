"""Orders about people, institutions, terms and courses."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lms_server.catalog.audit import AT_CONSOLE
from lms_server.catalog.personal import zipped
from lms_server.catalog.schemas import SCOPES
from lms_server.catalog.sheets import LARGEST
from lms_server.command_line import Data, catalog_of, password
from lms_server.errors import ServerError, StartError
from lms_sync import wire_cards


class RoleName(StrEnum):
    """The roles, as the command line offers them."""

    ADMIN = "admin"
    IT = "it"
    TEACHER = "teacher"
    STUDENT = "student"
    SERVICE = "service"


class LanguageName(StrEnum):
    """The portal's languages, as the command line offers them."""

    ENGLISH = "en"
    FRENCH = "fr"
    ARABIC = "ar"


def _group(sentence: str, example: str) -> typer.Typer:
    return typer.Typer(no_args_is_help=True, help=f"{sentence}\n\nExample: {example}")


user = _group(
    "People and programs that may come in.", "lms-server user add amina --role admin --institution ENS --password-stdin"
)
people = _group("People by the sheet.", "lms-server people import people.csv --institution ENS")
institution = _group("Who shares this server without seeing each other.", "lms-server institution add ENS")
term = _group("Terms.", "lms-server term add 2026-S1 --from 2026-09-15 --to 2027-01-31 --institution ENS")
course = _group("Courses.", "lms-server course add PHY101 --title Optics --term 2026-S1 --institution ENS")
person = _group("What is held about one person.", "lms-server person export amina --to amina.zip")
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from a pipe")]
Owner = Annotated[str, typer.Option("--institution", help="Whose it is")]
Term = Annotated[str, typer.Option(help="Of lines that name none [default: the one of today]")]
Encoding = Annotated[str, typer.Option(help="How the file was saved, as windows-1256 [default: UTF-8]")]
Sheet = Annotated[Path, typer.Argument(metavar="CSV", help="The sheet; its first line names its columns")]


def _content(sheet: Path) -> bytes:
    """No more of it than shows that it is too large."""
    with sheet.open("rb") as file:
        return file.read(LARGEST + 1)


def add_to(app: typer.Typer) -> None:
    groups = {
        "user": user,
        "people": people,
        "person": person,
        "institution": institution,
        "term": term,
        "course": course,
    }
    for name, group in groups.items():
        app.add_typer(group, name=name)


# -- institutions, terms, courses
# ---------------------------------------------------------------------------------------


@institution.command("add", help="Add an institution.\n\nExample: lms-server institution add ENS")
def institution_add(context: typer.Context, name: str, data: Data = None) -> None:
    with catalog_of(context, data) as catalog:
        catalog.institutions.add(name)
    typer.echo(f"{name} is here; add its people by `lms-server user add` or `lms-server people import`.")


@institution.command("list", help="Every institution.\n\nExample: lms-server institution list")
def institution_list(context: typer.Context, data: Data = None) -> None:
    with catalog_of(context, data) as catalog:
        for name in catalog.institutions.all():
            typer.echo(name)


@term.command(
    "add",
    help="Add a term, or give it other days.\n\n"
    "Example: lms-server term add 2026-S1 --from 2026-09-15 --to 2027-01-31 --institution ENS",
)
def term_add(
    context: typer.Context,
    name: str,
    *,
    institution: Owner,
    first: Annotated[str, typer.Option("--from", help="Its first day")],
    last: Annotated[str, typer.Option("--to", help="Its last day")],
    data: Data = None,
) -> None:
    with catalog_of(context, data) as catalog:
        catalog.courses.add_term(institution, name, first, last)
    typer.echo(f"The term {name} is from {first} to {last}.")


@course.command(
    "add",
    help="Add a course of one term.\n\n"
    "Example: lms-server course add PHY101 --title Optics --term 2026-S1 --institution ENS",
)
def course_add(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="As the timetables write it")],
    *,
    institution: Owner,
    term: Annotated[str, typer.Option(help="Its term")],
    title: Annotated[str, typer.Option(help="Its name")] = "",
    data: Data = None,
) -> None:
    with catalog_of(context, data) as catalog:
        catalog.courses.add(institution, term, code, title)
    typer.echo(f"{code} is a course of {term}.")


@course.command(
    "import",
    help="Add the courses of a sheet with the columns code, title, term, institution; nothing when a line is wrong.\n\n"
    "Example: lms-server course import courses.csv --institution ENS --term 2026-S1",
)
def course_import(
    context: typer.Context,
    sheet: Sheet,
    *,
    institution: Owner = "",
    term: Term = "",
    encoding: Encoding = "",
    data: Data = None,
) -> None:
    content = _content(sheet)
    with catalog_of(context, data) as catalog:
        made = catalog.enrolling.courses(content, encoding=encoding, institution=institution, term=term)
    typer.echo(f"{made} courses are new.")


# -- people
# -------------------------------------------------------------------------------------------------------------


@people.command(
    "import",
    help="Add the people of a sheet and put them into courses; nothing when a line is wrong. Columns: name and"
    " role, and as you like full_name, institution, password, courses (codes with ; between), term.\n\n"
    "Example: lms-server people import people.csv --institution ENS",
)
def people_import(
    context: typer.Context,
    sheet: Sheet,
    *,
    institution: Owner = "",
    term: Term = "",
    encoding: Encoding = "",
    data: Data = None,
) -> None:
    content = _content(sheet)
    with catalog_of(context, data) as catalog:
        done = catalog.enrolling.people(content, encoding=encoding, institution=institution, term=term)
    typer.echo(f"{done.made} people are new, {done.known} were here; {done.enrolled} more places in courses.")


@people.command("list", help="Everybody who may come in.\n\nExample: lms-server people list")
def people_list(context: typer.Context, data: Data = None) -> None:
    with catalog_of(context, data) as catalog:
        for person in catalog.people.all():
            where = person.institution if person.institution_id is not None else "(the whole server)"
            typer.echo(f"{person.role:<8}  {where}  {person.name}  {person.full_name}".rstrip())


@people.command(
    "cards",
    help="Make cards for the rooms' panels: for every teacher of an institution who has none, or for these people,"
    " whose card from before counts no longer then. They are written as a page to print, which is never overwritten;"
    " delete it once it is printed.\n\n"
    "Example: lms-server people cards cards.html --institution ENS --language fr",
)
def people_cards(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The page that is written")],
    logins: Annotated[list[str] | None, typer.Argument(metavar="[LOGIN]...", help="For these alone")] = None,
    *,
    institution: Owner,
    language: Annotated[LanguageName, typer.Option(help="Of the cards")] = LanguageName.ENGLISH,
    data: Data = None,
) -> None:
    from lms_server.portal.card_sheet import card_sheet  # noqa: PLC0415  the other orders start without the pages

    with catalog_of(context, data) as catalog:
        found = catalog.cards.of(institution, logins) if logins else catalog.cards.lacking(institution)
        if not found:
            typer.echo(f"Every teacher of {institution} has a card, or there is none; nothing was written.")
            return
        codes = {person.id: wire_cards.new_code() for person in found}
        named = [(person.full_name or person.name, codes[person.id]) for person in found]
        # Written first: a card that counts and that nobody has got would be worse than one that does not count yet.
        with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(card_sheet(language.value, institution, named))
            file.flush()
            os.fsync(file.fileno())
        try:
            catalog.cards.give(AT_CONSOLE, codes)
        except ServerError:
            to.unlink()
            raise
    many = "1 card is" if len(found) == 1 else f"{len(found)} cards are"
    typer.echo(f"{many} in {to}; print it and delete it. Rooms with a link know of it within a minute.")


@user.command(
    "add",
    help="Add a person or a program.\n\n"
    "Example: echo 'a good password' | lms-server user add amina --role admin --institution ENS --password-stdin",
)
def user_add(
    context: typer.Context,
    name: str,
    *,
    role: Annotated[RoleName, typer.Option(help="What they may do")],
    data: Data = None,
    password_stdin: Stdin = False,
    institution: Annotated[str, typer.Option(help="Whose they are [default: they see the whole server]")] = "",
    full_name: Annotated[str, typer.Option(help="As timetables name them")] = "",
) -> None:
    with catalog_of(context, data) as catalog:
        person = catalog.people.add(name, role.value, password(password_stdin), institution, full_name)
    typer.echo(f"{person.name} may sign in as {person.role}{f' of {institution}' if institution else ''}.")


@user.command(
    "institution",
    help="Put a person into another institution, or, without one, over the whole server.\n\n"
    "Example: lms-server user institution amina ENS",
)
def user_institution(
    context: typer.Context, name: str, institution: Annotated[str, typer.Argument()] = "", data: Data = None
) -> None:
    with catalog_of(context, data) as catalog:
        catalog.people.move(name, institution)
    typer.echo(f"{name} is of {institution} now." if institution else f"{name} sees the whole server now.")


@user.command(
    "password",
    help="Give a person another password.\n\n"
    "Example: echo 'a better password' | lms-server user password amina --password-stdin",
)
def user_password(context: typer.Context, name: str, data: Data = None, password_stdin: Stdin = False) -> None:
    with catalog_of(context, data) as catalog:
        catalog.people.set_password(name, password(password_stdin))
    typer.echo(f"{name} has a new password and was signed out everywhere.")


@user.command(
    "token",
    help="Print a token of this person; it is shown only now. Without a scope it may do all that the person may.\n\n"
    "Example: lms-server user token backup --scope lessons:read --days 365",
)
def user_token(
    context: typer.Context,
    name: str,
    *,
    scope: Annotated[list[str] | None, typer.Option(help=f"What it is for: {', '.join(SCOPES)}; several times")] = None,
    days: Annotated[int | None, typer.Option(help="Until it expires [default: never]")] = None,
    label: Annotated[str, typer.Option(help="What you call it")] = "",
    data: Data = None,
) -> None:
    with catalog_of(context, data) as catalog:
        typer.echo(catalog.tokens.make_for(name, scope or None, days, label))


@user.command("revoke-token", help="Make a token worthless.\n\nExample: lms-server user revoke-token darsbox_aB3x")
def user_revoke_token(
    context: typer.Context, prefix: Annotated[str, typer.Argument(help="Its first 12 signs")], data: Data = None
) -> None:
    with catalog_of(context, data) as catalog:
        count = catalog.tokens.revoke_prefix(prefix[:12])
    if not count:
        raise StartError(f"No valid token begins with {prefix[:12]!r}.")
    typer.echo("The token was revoked.")


# -- what is held about somebody
# ----------------------------------------------------------------------------------------


@person.command(
    "export",
    help="Write all that is held about a person into a ZIP of JSON files, which it never overwrites.\n\n"
    "Example: lms-server person export amina --to amina.zip",
)
def person_export(
    context: typer.Context, name: str, *, to: Annotated[Path, typer.Option(help="The file")], data: Data = None
) -> None:
    with catalog_of(context, data) as catalog:
        found = zipped(catalog.personal.export(name, AT_CONSOLE))
    with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(found)
    typer.echo(f"All that is held about {name} is in {to}.")


@person.command(
    "erase",
    help="Forget a person: login, tokens, courses and name. Export first; this cannot be undone.\n\n"
    "Example: lms-server person erase amina --yes",
)
def person_erase(
    context: typer.Context,
    name: str,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    data: Data = None,
) -> None:
    if not yes:
        typer.confirm(f"Forget {name} for ever?", abort=True)
    with catalog_of(context, data) as catalog:
        pseudonym = catalog.personal.erase(name, AT_CONSOLE)
    typer.echo(f"{name} is called {pseudonym} now, and nobody can log in as them.")
