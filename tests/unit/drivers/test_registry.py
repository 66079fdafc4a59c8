"""A mistyped driver must be found out with a hint, and listing drivers must cost nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from drivers import registry
from drivers.errors import Unsupported


def test_every_driver_of_ours_is_listed_with_its_own_name() -> None:
    listed = {(manifest.kind, manifest.name) for manifest in registry.manifests()}
    assert listed >= set(registry.BUILT_IN)


def test_a_mistyped_driver_gets_a_hint() -> None:
    with pytest.raises(Unsupported, match="Did you mean 'rtsp'") as caught:
        registry.load("camera", "rstp")
    assert caught.value.code == "unknown-driver"


def test_a_mistyped_kind_gets_a_hint() -> None:
    with pytest.raises(Unsupported, match="Did you mean 'microphone'"):
        registry.load("microfone", "sim")


def test_what_is_not_supported_says_why_and_what_to_do_instead() -> None:
    with pytest.raises(Unsupported, match=r'licence.*write driver = "rtsp"') as caught:
        registry.load("camera", "ndi")
    assert caught.value.code == "unknown-driver"


def test_a_wild_name_gets_the_list() -> None:
    with pytest.raises(Unsupported, match="There are: onvif, rtsp, screen, sim, v4l2"):
        registry.load("camera", "qqqqqqqq")


def test_discoverers_are_those_that_can_look_for_devices() -> None:
    names = {module.MANIFEST.name for module in registry.modules() if "discover" in module.MANIFEST.capabilities}
    assert names >= {"v4l2", "portaudio", "pjlink"}
    assert len(registry.discoverers()) == len(names)


def test_a_foreign_driver_is_found_by_its_entry_point_but_never_replaces_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("camera.acme", "drivers.camera.sim", registry.GROUP),
        EntryPoint("camera.rtsp", "no.such.module", registry.GROUP),
        EntryPoint("camera.broken", "no.such.module", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    assert registry.load("camera", "acme").MANIFEST.name == "sim"
    assert registry.load("camera", "rtsp").MANIFEST.name == "rtsp"
    with pytest.raises(Unsupported, match="cannot be loaded") as caught:
        registry.load("camera", "broken")
    assert caught.value.code == "driver-broken"
    assert "broken" not in {manifest.name for manifest in registry.manifests()}


def test_a_module_that_is_no_driver_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("camera.odd", "drivers.feeding", group)])
    with pytest.raises(Unsupported, match="lacks MANIFEST, Config, Driver"):
        registry.load("camera", "odd")


def test_listing_drivers_loads_no_sdk() -> None:
    code = "import sys; from drivers import registry; registry.manifests(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "PIL", "sounddevice", "cffi", "espeakng_loader"} & set(done.stdout.split())
