"""(kind, name) → driver module: the only dynamic import of the project.

Drivers of others are found through entry points of the group ``darsbox.drivers``; an entry point
``camera.acme = acme_darsbox.camera`` is what room.toml calls ``driver = "acme"`` in a ``[[camera]]`` table. Importing a
driver is cheap: what talks to hardware is loaded by its feeder or its check.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from types import ModuleType
from typing import cast

from drivers.errors import Unsupported
from drivers.manifest import DriverManifest
from drivers.protocols import Discovers, DriverModule

GROUP = "darsbox.drivers"
NAMES = ("MANIFEST", "Config", "Driver")

BUILT_IN: Mapping[tuple[str, str], str] = {
    ("camera", "onvif"): "drivers.camera.onvif",
    ("camera", "rtsp"): "drivers.camera.rtsp",
    ("camera", "v4l2"): "drivers.camera.v4l2",
    ("camera", "screen"): "drivers.camera.screen",
    ("camera", "sim"): "drivers.camera.sim",
    ("microphone", "portaudio"): "drivers.microphone.portaudio",
    ("microphone", "sim"): "drivers.microphone.sim",
    ("indicator", "modbus"): "drivers.indicator.modbus",
    ("indicator", "mqtt"): "drivers.indicator.mqtt",
    ("indicator", "serial-relay"): "drivers.indicator.serial_relay",
    ("indicator", "sim"): "drivers.indicator.sim",
    ("indicator", "usb-relay"): "drivers.indicator.usb_relay",
    ("input", "evdev"): "drivers.input.evdev",
    ("input", "mqtt"): "drivers.input.mqtt",
    ("input", "sim"): "drivers.input.sim",
    ("panel", "cec"): "drivers.panel.cec",
    ("panel", "pjlink"): "drivers.panel.pjlink",
    ("panel", "profile"): "drivers.panel.profile",
    ("panel", "sim"): "drivers.panel.sim",
    ("panel", "wol"): "drivers.panel.wol",
    ("ptz", "onvif"): "drivers.ptz.onvif",
    ("ptz", "sim"): "drivers.ptz.sim",
    ("ptz", "visca"): "drivers.ptz.visca",
    ("ptz", "visca-ip"): "drivers.ptz.visca_ip",
}


_NDI = (
    "NDI needs a library whose licence forbids giving it on, and FFmpeg has none of it; nearly every NDI camera also "
    'sends RTSP: switch that on in its menu and write driver = "rtsp", or "onvif".'
)
_PIPEWIRE = (
    "a Wayland session lets no program see its screen without a person's consent at each start; choose an X11 session "
    'at the login and write driver = "screen".'
)
UNSUPPORTED: Mapping[tuple[str, str], str] = {("camera", "ndi"): _NDI, ("camera", "pipewire"): _PIPEWIRE}
"""What people look for and is not there: why, and what to do instead."""


def known() -> dict[tuple[str, str], str]:
    """Every driver by (kind, name), and the module it lives in. Ours win over an entry point of the same name."""
    found: dict[tuple[str, str], str] = {}
    for point in entry_points(group=GROUP):
        kind, dot, name = point.name.partition(".")
        if dot and kind and name:
            found[kind, name] = point.module
    return {**found, **BUILT_IN}


def load(kind: str, name: str) -> DriverModule:
    """The driver's module. Raises Unsupported: unknown (with what may have been meant), or not importable."""
    # Ours first: to look through every installed package for those of others takes longer than all else here.
    modules = BUILT_IN if (kind, name) in BUILT_IN else known()
    module = modules.get((kind, name))
    if module is None and (kind, name) in UNSUPPORTED:
        raise Unsupported("unknown-driver", f"{name} is not supported: {UNSUPPORTED[kind, name]}", driver=name)
    if module is None:
        raise _unknown(kind, name, list(modules))
    try:
        loaded = importlib.import_module(module)
    except ImportError as error:
        raise Unsupported(
            "driver-broken", f"The driver {kind}.{name} cannot be loaded ({error}). Install what it needs.", driver=name
        ) from error
    return _checked(kind, name, loaded)


def modules() -> list[DriverModule]:
    """Every driver's module, by kind and name; no SDK is loaded. A broken foreign driver is left out; ``load`` says
    what is wrong with it."""
    found = []
    for kind, name in sorted(known()):
        try:
            found.append(load(kind, name))
        except Unsupported:
            if (kind, name) in BUILT_IN:
                raise
    return found


def manifests() -> list[DriverManifest]:
    """What every driver says about itself, by kind and name."""
    return [module.MANIFEST for module in modules()]


def discoverers() -> list[Discovers]:
    """Every driver that can look for devices."""
    return [module for module in modules() if isinstance(module, Discovers)]


def _unknown(kind: str, name: str, all_known: list[tuple[str, str]]) -> Unsupported:
    kinds = sorted({known_kind for known_kind, _ in all_known})
    if kind not in kinds:
        hint = _did_you_mean(kind, kinds)
        return Unsupported(
            "unknown-driver", f"There are no drivers of the kind {kind!r}.{hint}", kind=kind, driver=name
        )
    names = sorted(known_name for known_kind, known_name in all_known if known_kind == kind)
    hint = _did_you_mean(name, names)
    return Unsupported("unknown-driver", f"There is no {kind} driver {name!r}.{hint}", kind=kind, driver=name)


def _did_you_mean(word: str, choices: list[str]) -> str:
    close = get_close_matches(word, choices, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else f" There are: {', '.join(choices)}."


def _checked(kind: str, name: str, module: ModuleType) -> DriverModule:
    missing = [part for part in NAMES if not hasattr(module, part)]
    if missing:
        raise Unsupported(
            "driver-broken", f"The driver {kind}.{name} lacks {', '.join(missing)}. Ask its author.", driver=name
        )
    return cast(DriverModule, module)  # the three names are there; their types are the contract suite's business
