"""A newcomer without hardware must see and hear something; one with hardware must see their own."""

from __future__ import annotations

import tomllib

from drivers.protocols import Found
from provisioning.demo_room import room_toml

WEBCAM = Found("camera", "v4l2", 'Webcam "HD"', {"device": "/dev/video0"})
MICROPHONE = Found("microphone", "portaudio", "USB Mic", {"device": "USB Mic: Audio (hw:1,0)"})


def written(*found: Found) -> dict[str, list[dict[str, object]]]:
    return tomllib.loads(room_toml(found, server_url="http://127.0.0.1:8500", copy_from="var/room.toml"))


def test_a_bare_machine_gets_a_simulated_room() -> None:
    room = written()
    assert [(camera["driver"], camera["scene"]) for camera in room["camera"]] == [("sim", "teacher"), ("sim", "slides")]
    assert [microphone["driver"] for microphone in room["microphone"]] == ["sim"]


def test_real_devices_take_the_place_of_simulated_ones() -> None:
    room = written(WEBCAM, MICROPHONE)
    assert room["camera"] == [{"id": "camera-1", "label": 'Webcam "HD"', "driver": "v4l2", "device": "/dev/video0"}]
    assert [microphone["device"] for microphone in room["microphone"]] == ["USB Mic: Audio (hw:1,0)"]


def test_a_camera_alone_still_has_a_voice() -> None:
    room = written(WEBCAM)
    assert [camera["driver"] for camera in room["camera"]] == ["v4l2"]
    assert [microphone["driver"] for microphone in room["microphone"]] == ["sim"]


def test_two_devices_of_a_kind_have_ids_of_their_own() -> None:
    room = written(WEBCAM, Found("camera", "v4l2", "Other", {"device": "/dev/video2"}))
    assert [camera["id"] for camera in room["camera"]] == ["camera-1", "camera-2"]
