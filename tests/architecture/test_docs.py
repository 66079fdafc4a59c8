"""What the documents promise exists."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from appliance import config
from appliance.cli import app as appliance
from lms_server.cli import app as lms_server
from lms_sync.cli import app as lms_sync
from provisioning.cli import app as provision

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = [PROJECT / "README.md", PROJECT / "ARCHITECTURE.md", *sorted((PROJECT / "docs").rglob("*.md"))]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def test_every_target_explains_itself_in_help() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == targets()


def test_every_make_command_in_the_documents_exists() -> None:
    promised = {
        (document.name, target)
        for document in DOCUMENTS
        for target in re.findall(r"(?:`|^\s*|\$ )make ([a-z]+)", document.read_text(), re.MULTILINE)
    }
    assert {(document, target) for document, target in promised if target not in targets()} == set()


def test_every_command_in_the_documents_exists() -> None:
    programs = {"appliance": appliance, "lms-sync": lms_sync, "lms-server": lms_server, "provision": provision}
    verbs = {name: set(typer.main.get_group(app).commands) for name, app in programs.items()}
    word = re.compile(r"(?:`|^\s*)((?:lms-|appliance|provision)[a-z-]*) ([a-z][a-z-]*)", re.MULTILINE)
    promised = {(document, *found) for document in DOCUMENTS for found in word.findall(blocks(document))}
    assert promised
    assert {entry for entry in promised if entry[2] not in verbs.get(entry[1], set())} == set()


def blocks(document: Path) -> str:
    """What is marked as something to type."""
    marked = re.findall(r"^```\n(.*?)^```|(`[^`\n]+`)", document.read_text(), re.MULTILINE | re.DOTALL)
    return "\n".join(block or inline for block, inline in marked)


def test_every_room_in_the_documents_is_one_that_the_room_understands() -> None:
    examples = [
        (document, example)
        for document in DOCUMENTS
        for example in re.findall(r"^```toml\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    ]
    assert examples
    for document, example in examples:
        unknown = [device.id for device in config.parse(example).devices if device.problem is not None]
        assert unknown == [], document


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{document.relative_to(PROJECT)} -> {link}"
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
        if "://" not in link and not link.startswith("mailto:") and not (document.parent / link).exists()
    ]
    assert broken == []


def test_every_decision_says_what_was_rejected() -> None:
    decisions = sorted((PROJECT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [int(decision.name[:4]) for decision in decisions]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [decision.name for decision in decisions if "\n## Rejected\n" not in decision.read_text()] == []


def test_ci_runs_the_command_that_the_readme_gives() -> None:
    assert "make test" in (PROJECT / ".ci" / "run").read_text()
    assert "make test" in (PROJECT / "README.md").read_text()
    assert "make run" in (PROJECT / "README.md").read_text()
