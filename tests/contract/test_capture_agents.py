"""Capture agents of others against the real server: what Pearl, SMP, Galicaster and pyCA do, call by call."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from defusedxml import ElementTree

from tests.peers.central import Central, order, problem
from tests.peers.program import wait_until

AGENT, PASSWORD, ROOM = "pearl-a", "a capture agent's password", "Amphi A"
DIGEST = {"X-Requested-Auth": "Digest"}
TRACK = b"no recording, but bytes"


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    with Central(tmp_path_factory.mktemp("central") / "data") as server:
        add(server, AGENT, ROOM)
        yield server


@pytest.fixture(scope="module")
def api(central: Central) -> Iterator[httpx.Client]:
    headers = central.token("admin", "admin")
    with httpx.Client(base_url=f"{central.url}/api/v1", headers=headers, timeout=30) as client:
        yield client


@pytest.fixture(params=["basic", "digest"])
def agent(request: pytest.FixtureRequest, central: Central) -> Iterator[httpx.Client]:
    """The agent, signing in one way and then the other."""
    auth = httpx.DigestAuth(AGENT, PASSWORD) if request.param == "digest" else httpx.BasicAuth(AGENT, PASSWORD)
    with httpx.Client(base_url=central.url, auth=auth, timeout=30) as client:
        yield client


@pytest.fixture
def basic(central: Central) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=central.url, auth=(AGENT, PASSWORD), timeout=30) as client:
        yield client


def add(central: Central, name: str, room: str) -> None:
    made = order(central.data, "agent", "add", name, "--room", room, "--password-stdin", stdin=PASSWORD)
    assert made.returncode == 0, made.stderr


def multipart(**fields: str) -> dict[str, tuple[None, str]]:
    return {name: (None, value) for name, value in fields.items()}


def create(agent: httpx.Client) -> str:
    answer = agent.get("/ingest/createMediaPackage")
    assert answer.status_code == 200, answer.text
    return answer.text


def add_track(agent: httpx.Client, package: str, content: bytes = TRACK, flavor: str = "presenter/source") -> str:
    files = {**multipart(mediaPackage=package, flavor=flavor), "BODY1": ("camera.mkv", content)}
    answer = agent.post("/ingest/addTrack", files=files)
    assert answer.status_code == 200, answer.text
    return answer.text


def ingest(agent: httpx.Client, package: str, event: str) -> httpx.Response:
    fields = {"mediaPackage": package, "workflowDefinitionId": "darsbox", "workflowInstanceId": event}
    return agent.post("/ingest/ingest", files=multipart(**fields, straightToPublishing="true"))


def lessons(api: httpx.Client, title: str) -> list[dict[str, object]]:
    return [item for item in api.get("/lessons", params={"limit": 200}).json()["items"] if item["title"] == title]


def schedule(api: httpx.Client, uid: str, title: str, begins: float) -> None:
    """The room's timetable: this lesson, an hour long, and one far away."""
    room = next(each["id"] for each in api.get("/rooms").json() if each["name"] == ROOM)
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:t"]
    for name, at, what in ((uid, begins, title), ("far", begins + 40 * 86400, "Far")):
        start, end = (datetime.fromtimestamp(each, UTC).strftime("%Y%m%dT%H%M%SZ") for each in (at, at + 3600))
        text += ["BEGIN:VEVENT", f"UID:{name}", f"DTSTART:{start}", f"DTEND:{end}", f"SUMMARY:{what}", "END:VEVENT"]
    answer = api.put(f"/rooms/{room}/timetable", content="\r\n".join([*text, "END:VCALENDAR", ""]))
    assert answer.status_code == 204, answer.text


# -- signing in ----------------------------------------------------------------------------------------------


def test_a_stranger_is_told_how_to_sign_in(central: Central) -> None:
    for path in ("/services/available.json", "/recordings/calendars", "/ingest/createMediaPackage", "/info/me.json"):
        answer = central.http.get(central.url + path)
        assert problem(answer) == (401, "not-signed-in")
        schemes = [each.split()[0] for each in answer.headers.get_list("www-authenticate")]
        assert schemes == ["Digest", "Basic"], path
    asked = central.http.post(f"{central.url}/ingest/addTrack", headers=DIGEST)
    assert [each.split()[0] for each in asked.headers.get_list("www-authenticate")] == ["Digest"]
    assert 'realm="Opencast"' in asked.headers["www-authenticate"]


def test_curl_signs_in_by_digest_with_its_empty_first_request(central: Central, tmp_path: Path) -> None:
    """libcurl's first POST has no form; and a large one waits for 100 Continue."""
    large = tmp_path / "large.mkv"
    large.write_bytes(bytes(3 * 1024 * 1024))

    def curl(*words: str) -> str:
        login = ["--digest", "-u", f"{AGENT}:{PASSWORD}", "-H", "X-Requested-Auth: Digest", "-w", "%{http_code}"]
        return subprocess.run(["curl", "-sS", *login, *words], capture_output=True, text=True, check=True).stdout

    package = curl(f"{central.url}/ingest/createMediaPackage?a=b%20c")
    assert package.endswith("200")
    sent = curl(
        *("--form-string", f"mediaPackage={package[:-3]}", "-F", "flavor=presenter/source", "-F", f"BODY1=@{large}"),
        f"{central.url}/ingest/addTrack",
    )
    assert sent.endswith("200"), sent
    assert hashlib.sha256(large.read_bytes()).hexdigest() in sent


def test_who_guesses_waits(central: Central) -> None:
    add(central, "guessed", ROOM)
    answers = [central.http.get(f"{central.url}/info/me.json", auth=("guessed", "wrong 0"))]
    while answers[-1].status_code == 401 and len(answers) < 20:  # each wrong one makes the wait longer
        answers.append(central.http.get(f"{central.url}/info/me.json", auth=("guessed", f"wrong {len(answers)}")))
    assert [answer.status_code for answer in answers[:5]] == [401] * 5
    refused = answers[-1]
    assert problem(refused) == (429, "too-many-attempts")
    assert int(refused.headers["Retry-After"]) > 0
    other = central.http.get(f"{central.url}/info/me.json", auth=(AGENT, PASSWORD))
    assert other.status_code == 200  # agents of a campus share an address


def test_an_agent_that_was_shut_out_can_do_nothing(central: Central) -> None:
    add(central, "stolen", ROOM)
    assert central.http.get(f"{central.url}/info/me.json", auth=("stolen", PASSWORD)).status_code == 200
    assert order(central.data, "agent", "revoke", "stolen").returncode == 0
    assert central.http.get(f"{central.url}/info/me.json", auth=("stolen", PASSWORD)).status_code == 401


def test_a_password_is_printed_once_and_holds(central: Central) -> None:
    made = order(central.data, "agent", "add", "smp-1", "--room", "Salle 2")
    password = made.stdout.strip()
    assert len(password) >= 20
    assert central.http.get(f"{central.url}/info/me.json", auth=("smp-1", password)).status_code == 200
    short = order(central.data, "agent", "add", "smp-1", "--room", "Salle 2", "--password-stdin", stdin="short")
    assert (short.returncode, short.stderr.strip().endswith(".")) == (1, True)


def test_an_agents_login_opens_nothing_else(central: Central) -> None:
    for path in ("/api/v1/lessons", "/api/v1/rooms"):
        assert central.http.get(central.url + path, auth=(AGENT, PASSWORD)).status_code == 401


# -- what an agent says, and asks ----------------------------------------------------------------------------


def test_the_registry_names_every_service(agent: httpx.Client, central: Central) -> None:
    for kind, path in (("capture.admin", "/capture-admin"), ("scheduler", "/recordings"), ("ingest", "/ingest")):
        name = f"org.opencastproject.{kind}"
        found = agent.get("/services/available.json", params={"serviceType": name}).json()["services"]["service"]
        wanted = {"type": name, "host": central.url, "path": path, "online": True, "active": True}
        assert wanted.items() <= found.items()


def test_an_agents_state_is_kept_and_shown(agent: httpx.Client, api: httpx.Client, central: Central) -> None:
    said = agent.post(f"/capture-admin/agents/{AGENT}", files=multipart(state="capturing", address="http://x"))
    assert (said.status_code, said.text) == (200, f"{AGENT} set to capturing")
    room = next(each for each in api.get("/rooms").json() if each["name"] == ROOM)
    assert room["health"]["state"] == "recording"
    assert "capturing" in order(central.data, "agent", "list").stdout
    assert agent.post(f"/capture-admin/agents/{AGENT}", data={"state": "idle"}).status_code == 200  # urlencoded
    assert problem(agent.post(f"/capture-admin/agents/{AGENT}", data={"state": "mad"})) == (400, "bad-state")
    assert problem(agent.post(f"/capture-admin/agents/{AGENT}", data={"other": "idle"})) == (400, "missing-field")
    assert problem(agent.post("/capture-admin/agents/another", data={"state": "idle"})) == (403, "other-agent")


def test_capabilities_are_echoed(agent: httpx.Client) -> None:
    java = '<properties><entry key="capture.device.names">camera,slides</entry></properties>'
    path = f"/capture-admin/agents/{AGENT}/configuration"
    echoed = ElementTree.fromstring(agent.post(path, files=multipart(configuration=java)).text)
    assert [(each.get("key"), each.text) for each in echoed] == [("capture.device.names", "camera,slides")]
    pairs = {"capture.device.names": "camera"}
    assert agent.post(path, data={"configuration": json.dumps(pairs)}).json() == pairs


def test_an_agent_records_what_its_timetable_says(agent: httpx.Client, api: httpx.Client) -> None:
    begins = int(time.time()) + 3600
    schedule(api, "maths-1", "Maths", begins)
    cutoff = (begins + 14 * 86400) * 1000
    asked = agent.get("/recordings/calendars", params={"agentid": AGENT, "cutoff": cutoff})
    assert asked.headers["content-type"].lower() == "text/calendar; charset=utf-8"
    assert "UID:maths-1" in asked.text
    assert "UID:far" not in asked.text
    again = {"If-None-Match": asked.headers["etag"]}
    same = agent.get("/recordings/calendars", params={"agentid": AGENT, "cutoff": cutoff}, headers=again)
    assert (same.status_code, same.content) == (304, b"")
    schedule(api, "maths-1", "Maths, moved", begins + 60)
    assert agent.get("/recordings/calendars", params={"cutoff": cutoff}, headers=again).status_code == 200
    assert problem(agent.get("/recordings/calendars", params={"agentid": "another"})) == (403, "other-agent")


def test_a_recordings_state_needs_an_event(agent: httpx.Client, api: httpx.Client) -> None:
    schedule(api, "physics@ens", "Physics", time.time())
    for state in ("capturing", "capture_finished", "uploading", "upload_finished"):
        said = agent.post("/capture-admin/recordings/physics@ens", files=multipart(state=state))
        assert said.status_code == 200, said.text
    assert problem(agent.post("/capture-admin/recordings/physics@ens", data={"state": "mad"})) == (400, "bad-state")
    unknown = agent.post("/capture-admin/recordings/nothing", data={"state": "capturing"})
    assert problem(unknown) == (404, "no-such-event")


def test_galicaster_finds_what_it_looks_for(agent: httpx.Client) -> None:
    assert agent.get("/info/me.json").json()["user"]["username"] == AGENT
    for path in ("/info/health", "/workflow/definitions.json", "/admin-ng/series/series.json", "/search/episode.json"):
        assert agent.get(path).status_code == 200


# -- media packages ------------------------------------------------------------------------------------------


def test_a_scheduled_recording_becomes_the_lesson_of_its_event_and_twice_is_once(
    agent: httpx.Client, api: httpx.Client
) -> None:
    uid = f"event-{type(agent.auth).__name__}"
    begins = int(time.time())
    schedule(api, uid, uid, begins)
    assert agent.post(f"/capture-admin/recordings/{uid}", data={"state": "capturing"}).status_code == 200
    schedule(api, "another", "Another", begins)  # the timetable changes while the lesson is recorded
    package = add_track(agent, create(agent), uid.encode())
    package = add_track(agent, package, b"slides", "presentation/source")
    done = ingest(agent, package, uid)
    assert done.status_code == 200, done.text
    assert ElementTree.fromstring(done.text).get("id") == uid
    assert ingest(agent, package, uid).status_code == 200  # the answer was lost, and it asks again
    second = add_track(agent, add_track(agent, create(agent), uid.encode()), b"slides", "presentation/source")
    assert ingest(agent, second, uid).status_code == 200  # it was started again, and delivers once more
    (lesson,) = lessons(api, uid)
    assert lesson["started"] == begins
    other = add_track(agent, create(agent), b"another recording of the event")
    assert ingest(agent, other, uid).status_code == 200
    assert len(lessons(api, uid)) == 2
    detail = api.get(f"/lessons/{lesson['id']}").json()
    assert [source["id"] for source in detail["sources"]] == ["presenter", "presentation"]
    originals = {file["name"]: file["sha256"] for file in detail["files"] if file["kind"] == "take"}
    assert originals == {
        "presenter/original.mkv": hashlib.sha256(uid.encode()).hexdigest(),
        "presentation/original.mkv": hashlib.sha256(b"slides").hexdigest(),
    }


def test_an_unscheduled_recording_says_itself_what_it_is(basic: httpx.Client, api: httpx.Client) -> None:
    package = basic.put("/ingest/createMediaPackageWithID/0b7e-1").text
    assert basic.put("/ingest/createMediaPackageWithID/0b7e-1").text == package
    episode = (
        '<dublincore xmlns="http://www.opencastproject.org/xsd/1.0/dublincore/" xmlns:dcterms="http://purl.org/dc/terms/">'
        "<dcterms:title>Ad hoc</dcterms:title><dcterms:creator>Amina</dcterms:creator>"
        "<dcterms:created>2026-11-20T08:00:00Z</dcterms:created></dublincore>"
    )
    fields = multipart(mediaPackage=package, flavor="dublincore/episode", dublinCore=episode)
    package = basic.post("/ingest/addDCCatalog", files=fields).text
    slides = {**multipart(mediaPackage=package, flavor="attachment/notes"), "BODY": ("../../notes.pdf", b"%PDF")}
    package = basic.post("/ingest/addAttachment", files=slides).text
    package = add_track(basic, package, b"ad hoc")
    package = add_track(basic, package, b"ad hoc too")  # a second camera of the same flavor
    assert ingest(basic, package, "1234").status_code == 200
    (lesson,) = lessons(api, "Ad hoc")
    assert (lesson["teacher"], lesson["started"], lesson["room"]) == ("Amina", 1_795_161_600.0, ROOM)
    names = {file["name"] for file in api.get(f"/lessons/{lesson['id']}").json()["files"]}
    wanted = {"lesson.json", "presenter/original.mkv", "presenter-2/original.mkv", "attachments/001-notes.pdf"}
    assert names == wanted


def test_a_track_that_is_sent_again_is_one(basic: httpx.Client) -> None:
    package = create(basic)
    assert add_track(basic, package) == add_track(basic, package)


def test_a_package_without_a_track_or_of_another_agent_is_no_lesson(central: Central, basic: httpx.Client) -> None:
    package = create(basic)
    assert problem(ingest(basic, package, "x")) == (409, "no-track")
    add(central, "other", "Salle 3")
    with httpx.Client(base_url=central.url, auth=("other", PASSWORD)) as other:
        assert problem(ingest(other, package, "x")) == (404, "no-such-package")
    package = add_track(basic, package)
    assert ingest(basic, package, "").status_code == 200
    files = {**multipart(mediaPackage=package, flavor="a/b"), "f": ("f", b"late")}
    assert problem(basic.post("/ingest/addTrack", files=files)) == (409, "package-closed")


def test_galicaster_sends_everything_in_a_zip(basic: httpx.Client, api: httpx.Client, tmp_path: Path) -> None:
    file = tmp_path / "package.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            "manifest.xml",
            '<mediapackage xmlns="http://mediapackage.opencastproject.org" id="gc-1"><media>'
            '<track type="presenter/source"><url>CAMERA.avi</url></track></media><metadata>'
            '<catalog type="dublincore/episode"><url>episode.xml</url></catalog></metadata></mediapackage>',
        )
        archive.writestr("episode.xml", "<dublincore><title>Zipped</title></dublincore>")
        archive.writestr("CAMERA.avi", b"zipped")
    for _ in range(2):  # the second time it has not heard the first answer
        with file.open("rb") as data:
            fields = {**multipart(workflowDefinitionId="darsbox"), "track": ("package.zip", data)}
            answer = basic.post("/ingest/addZippedMediaPackage", files=fields)
        assert answer.status_code == 200, answer.text
    (lesson,) = lessons(api, "Zipped")
    names = {file["name"] for file in api.get(f"/lessons/{lesson['id']}").json()["files"]}
    assert names == {"lesson.json", "presenter/original.avi"}


def test_a_server_that_was_killed_takes_the_next_step(basic: httpx.Client, api: httpx.Client, central: Central) -> None:
    """Between addTrack and ingest; and in the midst of ingest, after which pyCA would not ask again."""
    package = add_track(basic, create(basic), b"before the cut")
    half = add_track(basic, create(basic), b"in the midst")
    central.kill()
    name = ElementTree.fromstring(half).get("id")
    with closing(sqlite3.connect(central.data / "darsbox.sqlite")) as database, database:
        database.execute("UPDATE media_package SET state = 'delivering', title = 'Half' WHERE id = ?", (name,))
    central.start()
    wait_until(lambda: [lesson["state"] for lesson in lessons(api, "Half")] == ["assembling"], 30, "what was half-way")
    package = add_track(basic, package, b"after the cut", "presentation/source")
    assert ingest(basic, package, "cut").status_code == 200
    staged = list((central.data / "packages").iterdir())
    assert [path.read_bytes() for path in staged if b"the cut" in path.read_bytes()] == []
    files = [
        {file["sha256"] for file in api.get(f"/lessons/{lesson['id']}").json()["files"] if file["kind"] == "take"}
        for lesson in lessons(api, "")
    ]
    assert {hashlib.sha256(each).hexdigest() for each in (b"before the cut", b"after the cut")} in files
