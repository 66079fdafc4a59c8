"""Panels, cameras that turn and scenes, in the forms in which the room speaks of them."""

from __future__ import annotations

from appliance.api.devices import problem_of, problem_view
from appliance.api.views import FixtureView, SceneView
from appliance.room.fittings import Fitting
from appliance.room.scenes import Scenes
from drivers.protocols import PanelState


def fixture_view(fitting: Fitting) -> FixtureView:
    state, device = fitting.state, fitting.device
    panel = state if isinstance(state, PanelState) else None
    return FixtureView(
        id=device.id,
        kind=device.kind,
        label=device.label or device.id,
        can=list(fitting.can),
        power=state.power if state is not None else None,
        input=panel and panel.input,
        inputs=list(fitting.inputs),
        volume=panel and panel.volume,
        mute=panel and panel.mute,
        freeze=panel and panel.freeze,
        blank=panel and panel.blank,
        presets=list(fitting.places),
        pictures={place: version for place, version in fitting.places.items() if version},
        problem=problem_view(problem_of(fitting.problem)),
        telling=fitting.telling,
        untold=problem_view(problem_of(fitting.untold)),
    )


def scene_views(scenes: Scenes) -> list[SceneView]:
    played = scenes.played
    return [
        SceneView(
            name=name,
            playing=played.done_at is None,
            done=played.done_at is not None,
            untold=sorted({each.device.label or each.device.id for each in played.troubles}),
        )
        if played is not None and played.name == name
        else SceneView(name=name)
        for name in scenes.names
    ]
