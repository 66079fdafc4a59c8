"""What the documents promise exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

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


def test_every_program_in_the_documents_exists() -> None:
    scripts = set(tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"])
    word = re.compile(r"`(?:sudo )?((?:lms-|appliance|provision)[a-z-]*)(?: [a-z-]+)")
    promised = {(document.name, name) for document in DOCUMENTS for name in word.findall(document.read_text())}
    assert {(document, name) for document, name in promised if name not in scripts} == set()


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
