"""Whoever makes updates cannot publish what no room could install, nor lose the keys that rooms trust."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from provisioning.updating.publishing import CannotPublish, Publisher, bundle_of, make_keys, wheels_in
from tests.peers.updates import Maker, wheel

KIND = "x86_64-cp311"


@pytest.fixture(name="maker")
def _maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def everything(repository: Path) -> dict[str, bytes]:
    files = [file for file in repository.rglob("*") if file.is_file()]
    return {str(file.relative_to(repository)): file.read_bytes() for file in files}


def test_keys_are_for_their_owner_alone_and_are_never_replaced(maker: Maker) -> None:
    before = everything(maker.keys)
    assert {stat.S_IMODE((maker.keys / name).stat().st_mode) for name in before} == {0o600}
    assert len(set(before.values())) == 3
    with pytest.raises(CannotPublish, match="rooms may trust them"):
        make_keys(maker.keys)
    assert everything(maker.keys) == before


def test_the_root_key_is_not_needed_for_a_version(maker: Maker) -> None:
    (maker.keys / "root.pem").unlink()
    maker.publish("1.0")
    (maker.keys / "targets.pem").unlink()
    maker.publisher().refresh()
    with pytest.raises(CannotPublish, match=r"targets\.pem cannot be read"):
        maker.publish("1.1")


def test_the_same_version_again_is_no_work_and_another_under_its_name_is_refused(maker: Maker) -> None:
    maker.publish("1.0")
    before = everything(maker.repository)
    maker.publish("1.0")
    assert everything(maker.repository) == before
    with pytest.raises(CannotPublish, match="published already"):
        maker.publish("1.0", files={"other.py": "1\n"})
    assert everything(maker.repository) == before


def test_each_wheel_lies_there_once_for_all_versions(maker: Maker) -> None:
    maker.publish("1.0")
    maker.publish("1.1")
    assert len(list(maker.repository.glob("wheels/*/*.whl"))) == 3


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            ["darsbox-1.0-py3-none-any.whl", "numpy-2.0-cp311-cp311-manylinux_2_17_aarch64.whl"],
            "not for machines of kind",
        ),
        (["darsbox-1.0-py3-none-any.whl", "darsbox-1.1-py3-none-any.whl"], "two wheels of darsbox"),
        (["steady-1.0-py3-none-any.whl"], "no wheel of Darsbox"),
        (["darsbox.whl"], "no wheel"),
        ([], "no wheel of Darsbox"),
    ],
)
def test_a_folder_that_is_no_version_is_refused(tmp_path: Path, maker: Maker, files: list[str], why: str) -> None:
    whole = wheel(tmp_path / "one", "darsbox", "1.0")
    folder = tmp_path / "wheels"
    folder.mkdir(exist_ok=True)
    for name in files:
        shutil.copy(whole, folder / name)
    before = everything(maker.repository)
    with pytest.raises(CannotPublish, match=why):
        maker.publisher().publish(folder, KIND)
    assert everything(maker.repository) == before


def test_a_package_is_published_as_it_was_built(tmp_path: Path, maker: Maker) -> None:
    tree = tmp_path / "package"
    wheel(tree / "usr" / "lib" / "darsbox" / "room" / "wheelhouse", "darsbox", "1.4.0")
    (tree / "DEBIAN").mkdir()
    about = "Package: darsbox-room\nVersion: 1.4.0\nArchitecture: all\nMaintainer: T <t@localhost>\nDescription: T\n"
    (tree / "DEBIAN" / "control").write_text(about)
    deb = tmp_path / "darsbox-room_1.4.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, deb], check=True, capture_output=True)
    with wheels_in(deb) as folder:
        bundle = maker.publisher().publish(folder, KIND)
    assert (bundle.version, [each.file for each in bundle.wheels]) == ("1.4.0", ["darsbox-1.4.0-py3-none-any.whl"])
    deb.write_text("no package")
    with pytest.raises(CannotPublish, match="no package that make package made"), wheels_in(deb):
        pass


def test_a_broken_wheel_is_named(tmp_path: Path) -> None:
    wheel(tmp_path, "darsbox", "1.0").write_bytes(b"PK nothing")
    with pytest.raises(CannotPublish, match=r"darsbox-1\.0-py3-none-any\.whl is damaged"):
        bundle_of(tmp_path, KIND)


def test_a_repository_is_begun_once(tmp_path: Path, maker: Maker) -> None:
    with pytest.raises(CannotPublish, match="a repository already"):
        maker.publisher().begin()
    with pytest.raises(CannotPublish, match="provision update begin"):
        Publisher(tmp_path / "elsewhere", maker.keys).refresh()
