"""The house rules that a reviewer should not have to remember."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("appliance", "drivers", "media", "lms_sync", "lms_server", "kiosk_ui", "provisioning")
LONGEST = 600


def tracked(*patterns: str) -> list[Path]:
    """Files that git has, or would take in."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [PROJECT / name for name in listing.split("\0") if name and (PROJECT / name).is_file()]


def names(files: list[Path]) -> list[str]:
    return sorted(str(file.relative_to(PROJECT)) for file in files)


def text_of(file: Path) -> str:
    return file.read_bytes().decode("utf-8", errors="replace")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_where_the_map_says(package: str) -> None:
    assert (PROJECT / package / "__init__.py").is_file()


def test_packages_are_built_with_everything_they_consist_of() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    included = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert sorted(included) == sorted(f"{package}*" for package in PACKAGES)


def test_nothing_hides_in_a_drawer_for_everything() -> None:
    drawers = re.compile(r"(^|_)(utils?|common|helpers?|misc)(_|$)")
    assert names([file for file in tracked("*.py") if any(map(drawers.search, (file.stem, file.parent.name)))]) == []


def test_no_file_is_too_long_to_be_read() -> None:
    code = tracked("*.py", "*.js", "*.css", "*.sh", "*.html")
    assert names([file for file in code if text_of(file).count("\n") > LONGEST]) == []


def test_no_file_carries_a_registry_address_or_a_machine_path() -> None:
    hosts = ("pypi" + ".org", "files.pythonhosted" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org")
    betrayals = re.compile("|".join([*map(re.escape, hosts), "index" + "-url", "/work" + "/", "/farm" + "/"]))
    assert names([file for file in tracked() if betrayals.search(text_of(file))]) == []


def test_every_locked_package_has_a_hash() -> None:
    for lock in ("requirements.lock", "requirements-test.lock", "requirements-peers.lock"):
        requirements = re.sub(r"\\\n", "", (PROJECT / lock).read_text()).splitlines()
        bare = [line for line in requirements if line.strip() and line[0] not in "# " and "--hash=sha256:" not in line]
        assert bare == [], lock


def test_what_the_product_needs_is_locked_the_same_for_tests() -> None:
    def pins(lock: str) -> dict[str, str]:
        return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", (PROJECT / lock).read_text(), re.MULTILINE))

    run, test = pins("requirements.lock"), pins("requirements-test.lock")
    assert {name: test.get(name) for name in run} == run


def test_public_modules_say_what_they_are_for() -> None:
    code = [file for package in PACKAGES for file in tracked(f"{package}/*.py")]
    silent = [file for file in code if file.read_text().strip() and not ast.get_docstring(ast.parse(file.read_text()))]
    assert names(silent) == []


def test_nothing_swallows_every_error() -> None:
    """ruff's BLE finds them too, but a noqa silences ruff."""

    def swallows(handler: ast.ExceptHandler) -> bool:
        return handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id == "BaseException")

    code = [file for package in PACKAGES for file in tracked(f"{package}/*.py")]
    walks = {file: ast.walk(ast.parse(file.read_text())) for file in code}
    guilty = [
        file
        for file, nodes in walks.items()
        if any(isinstance(node, ast.ExceptHandler) and swallows(node) and not _reraises(node) for node in nodes)
    ]
    assert names(guilty) == []


def _reraises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


def test_every_exception_to_a_rule_gives_its_reason() -> None:
    """Beside it, or in the comment line above; once a file for each rule. A command line may print."""
    exception = re.compile(r"# (?P<rule>noqa: [A-Z]+[0-9]+|type: ignore\[[a-z-]+\])(?P<reason>.*)")
    unexplained = []
    for file in tracked("*.py"):
        lines = text_of(file).splitlines()
        given: dict[str, bool] = {}
        for above, line in zip(["", *lines], lines, strict=False):
            found = exception.search(line)
            if found and file != Path(__file__):
                reason = bool(found["reason"].strip()) or above.lstrip().startswith("#")
                given[found["rule"]] = given.get(found["rule"], False) or reason
        if file.name == "cli.py":
            given.pop("noqa: T201", None)
        unexplained += [f"{file.relative_to(PROJECT)}: {rule}" for rule, reason in given.items() if not reason]
    assert unexplained == []
