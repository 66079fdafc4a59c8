"""Over a bad link each byte comes once, and on a full disk nothing is left half-done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from provisioning.updating.bundle import Bundle
from provisioning.updating.errors import NotNow, Refused, Unreachable
from provisioning.updating.fetching import LOCK, Wheelhouse
from provisioning.updating.publishing import bundle_of
from provisioning.updating.sources import PIECE, Folder, FromTheBeginning, Source, Web
from tests.peers.updates import wheel

BIG = {"big.txt": "".join(f"{number:08d}" for number in range(40_000))}


@dataclass
class Line:
    """A repository over a line that breaks after so many pieces. read: bytes that came over it, by file."""

    folder: Folder
    breaks: list[int] = field(default_factory=list)
    only_whole: bool = False
    read_: dict[str, int] = field(default_factory=dict)
    name: str = "the line"

    def read(self, path: str, start: int = 0) -> Iterator[bytes]:
        if start and self.only_whole:
            raise FromTheBeginning
        left = self.breaks.pop(0) if self.breaks else 1 << 30
        for piece in self.folder.read(path, start):
            if not left:
                raise Unreachable("The line broke.")
            left -= 1
            self.read_[Path(path).name] = self.read_.get(Path(path).name, 0) + len(piece)
            yield piece


@dataclass
class Paused:
    """A link that carries so many pieces, and then nothing."""

    pieces: int
    count: int = 0
    ended: bool = False

    def ask(self) -> None:
        if not self.pieces:
            raise NotNow("It goes on later.")

    def carried(self, count: int) -> None:
        self.pieces -= 1
        self.count += count

    def end(self) -> None:
        self.ended = True


@dataclass
class Shop:
    root: Path
    line: Line

    def offers(self, version: str, **more: str) -> Bundle:
        """Darsbox of this version, and a wheel that all versions have."""
        folder = self.root / version
        wheel(folder, "darsbox", version, {**BIG, **more})
        wheel(folder, "steady", "1.0", {"steady.txt": "s" * 1000})
        bundle, files = bundle_of(folder, "x86_64-cp311")
        for each in bundle.wheels:
            place = self.root / "repository" / each.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(files[each.file].read_bytes())
        return bundle


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, Line(Folder(tmp_path / "repository")))


def whole(folder: Path, bundle: Bundle) -> bool:
    return sorted(file.name for file in folder.glob("*.whl")) == sorted(each.file for each in bundle.wheels)


def test_only_what_is_not_here_comes_over_the_line(tmp_path: Path, shop: Shop) -> None:
    house = Wheelhouse(tmp_path / "updates")
    first, second = shop.offers("1.0"), shop.offers("1.1")
    house.gather(first, shop.line)
    shop.line.read_.clear()
    folder = house.gather(second, shop.line)
    assert whole(folder, second)
    assert list(shop.line.read_) == ["darsbox-1.1-py3-none-any.whl"]
    assert (folder / LOCK).read_text() == second.lock()
    shop.line.read_.clear()
    house.gather(second, shop.line)
    assert shop.line.read_ == {}
    house.keep_only(["1.1"])
    assert not (tmp_path / "updates" / "bundles" / "1.0").exists()


def test_wheels_of_the_package_count_too(tmp_path: Path, shop: Shop) -> None:
    bundle = shop.offers("1.0")
    packaged = tmp_path / "packaged"
    wheel(packaged, "steady", "1.0", {"steady.txt": "s" * 1000})
    assert [each.project for each in Wheelhouse(tmp_path / "updates", [packaged]).lacking(bundle)] == ["darsbox"]


def test_a_broken_line_goes_on_where_it_was(tmp_path: Path, shop: Shop) -> None:
    bundle = shop.offers("1.0")
    shop.line.breaks = [2, 1, 1]
    for _ in range(3):
        with pytest.raises(Unreachable):
            Wheelhouse(tmp_path / "updates").gather(bundle, shop.line)
    folder = Wheelhouse(tmp_path / "updates").gather(bundle, shop.line)
    assert whole(folder, bundle)
    assert shop.line.read_ == {each.file: each.bytes for each in bundle.wheels}, "each byte came once"
    assert list((tmp_path / "updates" / "parts").iterdir()) == []


def test_a_server_that_cannot_go_on_in_the_middle_begins_anew(tmp_path: Path, shop: Shop) -> None:
    bundle = shop.offers("1.0")
    shop.line.breaks = [2]
    with pytest.raises(Unreachable):
        Wheelhouse(tmp_path / "updates").gather(bundle, shop.line)
    shop.line.only_whole = True
    assert whole(Wheelhouse(tmp_path / "updates").gather(bundle, shop.line), bundle)


def test_a_part_whose_end_went_with_the_power_is_fetched_anew(tmp_path: Path, shop: Shop) -> None:
    bundle = shop.offers("1.0")
    shop.line.breaks = [2]
    with pytest.raises(Unreachable):
        Wheelhouse(tmp_path / "updates").gather(bundle, shop.line)
    (part,) = (tmp_path / "updates" / "parts").iterdir()
    part.write_bytes(part.read_bytes()[:-100] + bytes(100))
    assert whole(Wheelhouse(tmp_path / "updates").gather(bundle, shop.line), bundle)


def test_a_wheel_that_is_not_what_was_signed_is_refused(tmp_path: Path, shop: Shop) -> None:
    bundle = shop.offers("1.0")
    file = tmp_path / "repository" / bundle.wheels[0].path
    data = file.read_bytes()
    for changed in (data[:-1] + b"?", data + b"more"):
        file.write_bytes(changed)
        with pytest.raises(Refused, match="signed; nothing was changed"):
            Wheelhouse(tmp_path / "updates").gather(bundle, shop.line)
    file.write_bytes(data)
    assert whole(Wheelhouse(tmp_path / "updates").gather(bundle, shop.line), bundle)


def test_a_wheel_that_was_damaged_here_is_replaced(tmp_path: Path, shop: Shop) -> None:
    bundle = shop.offers("1.0")
    folder = Wheelhouse(tmp_path / "updates").gather(bundle, shop.line)
    (folder / bundle.wheels[0].file).write_bytes(b"rot")
    assert Wheelhouse(tmp_path / "updates").gather(bundle, shop.line) == folder
    assert (folder / bundle.wheels[0].file).stat().st_size == bundle.wheels[0].bytes


def test_without_space_nothing_is_begun(tmp_path: Path, shop: Shop) -> None:
    bundle = shop.offers("1.0")
    house = Wheelhouse(tmp_path / "updates", free=lambda folder: 60 << 20)
    with pytest.raises(
        Refused, match=r"1\.0 needs 64 MiB and .* has 60 MiB free: make space there; nothing was changed"
    ):
        house.gather(bundle, shop.line)
    assert shop.line.read_ == {}


def test_hours_without_sending_are_hours_without_fetching(tmp_path: Path, shop: Shop) -> None:
    bundle = shop.offers("1.0")
    link = Paused(pieces=3)
    house = Wheelhouse(tmp_path / "updates", link=link)
    with pytest.raises(NotNow, match="goes on later"):
        house.gather(bundle, shop.line)
    (part,) = (tmp_path / "updates" / "parts").iterdir()
    assert part.stat().st_size == link.count == 3 * PIECE
    assert link.ended
    with pytest.raises(NotNow, match="goes on later"):
        house.gather(bundle, shop.line)
    assert part.stat().st_size == 3 * PIECE, "not a byte more"


# -- over HTTP


def web(answer: httpx.Response) -> Source:
    return Web("http://server.test/updates", httpx.MockTransport(lambda request: answer))


def test_a_server_is_asked_for_the_rest_only() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(206, stream=httpx.ByteStream(b"rest"), headers={"Content-Range": "bytes 5-8/9"})

    source = Web("http://server.test/updates/", httpx.MockTransport(answer))
    assert b"".join(source.read("wheels/ab/x.whl", 5)) == b"rest"
    assert (str(asked[0].url), asked[0].headers["Range"]) == ("http://server.test/updates/wheels/ab/x.whl", "bytes=5-")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(200, content=b"all of it"), FromTheBeginning),
        (httpx.Response(206, content=b"it", headers={"Content-Range": "bytes 0-1/9"}), FromTheBeginning),
        (httpx.Response(416), FromTheBeginning),
        (httpx.Response(404), Unreachable),
        (httpx.Response(302, headers={"Location": "http://portal.test/login"}), Unreachable),
        (httpx.Response(503), Unreachable),
    ],
)
def test_what_is_not_the_rest_is_not_taken_for_it(answer: httpx.Response, error: type[Exception]) -> None:
    with pytest.raises(error):
        list(web(answer).read("wheels/ab/x.whl", 5))


def test_no_server_is_told_as_such() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    with pytest.raises(Unreachable, match=r"http://server\.test does not answer"):
        list(Web("http://server.test", httpx.MockTransport(away)).read("metadata/timestamp.json"))
