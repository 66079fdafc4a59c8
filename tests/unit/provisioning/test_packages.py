"""People without root must learn exactly what is missing and what that costs them."""

from __future__ import annotations

from provisioning.packages import PURPOSES, Package, install_line, missing


def test_only_what_is_absent_is_asked_for() -> None:
    packages = [Package("here", "…", lambda: True), Package("gone", "…", lambda: False)]
    assert [package.name for package in missing(packages)] == ["gone"]


def test_the_line_to_type_names_every_package() -> None:
    assert install_line(["ffmpeg", "xvfb"]) == "sudo apt-get install --no-install-recommends ffmpeg xvfb"


def test_tests_need_all_that_running_needs() -> None:
    assert set(PURPOSES["run"]) <= set(PURPOSES["test"]) <= set(PURPOSES["soak"])


def test_every_package_says_what_is_lost_without_it() -> None:
    assert [package.name for package in PURPOSES["soak"] if not package.without or package.without.endswith(".")] == []


def test_no_package_is_listed_twice() -> None:
    names = [package.name for package in PURPOSES["soak"]]
    assert sorted(set(names)) == sorted(names)
