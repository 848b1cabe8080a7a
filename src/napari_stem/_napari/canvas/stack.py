"""The layers of the shown slide by their roles: found, made where they belong, shown, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from napari_stem._napari.canvas import heatmap, layers
from napari_stem.prediction.statistics import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_stem._napari.state.workspace import Workspace

HEATMAPS = tuple(heatmap.heatmap_role(statistic) for statistic in STATISTICS)
NUMBERS = heatmap.heatmap_role("column")  # of a column of the spots
_LABELS = ("clusters", "groups", "column")
_COLOURINGS = ("spots", *HEATMAPS, NUMBERS, *_LABELS)
_STYLED = (*HEATMAPS, NUMBERS, *_LABELS)
_BOTTOM_UP = ("slide", *_COLOURINGS, "selection", "region", "outlines", "line")


class Stack:
    """The layers that a workspace's slide has in a viewer.

    Layers are found by a tag in their metadata, so a user may remove, rename, reorder and hide
    them.
    """

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        self._viewer_ref = ref(viewer)  # a workspace must not keep its viewer alive
        self._workspace = workspace

    @property
    def viewer(self) -> Viewer:
        """The viewer."""
        viewer = self._viewer_ref()
        assert viewer is not None
        return viewer

    def find(self, role: str) -> Layer | None:
        """The layer of a role; None if there is none."""
        slide = self._workspace.slide
        ours = (x for x in self.viewer.layers if slide and layers.is_layer_of(x, role, slide))
        return next(ours, None)

    def find_or_add(self, role: str, make: Callable[[], Layer]) -> Layer:
        """The layer of a role, which is made if there is none."""
        return self.find(role) or self.add(make())

    def add(self, layer: Layer) -> Layer:
        """Put a layer below those of ours that belong above it."""
        role = layers.role_of(layer)
        above = _BOTTOM_UP[_BOTTOM_UP.index(role) + 1 :]
        stack = self.viewer.layers
        places = (i for i, other in enumerate(stack) if layers.role_of(other) in above)
        stack.insert(next(places, len(stack)), layer)
        if role in _STYLED:
            self._style(layer)
            layer.events.opacity.connect(self._take_opacity)
        if heatmap.has_colour_bar(layer):
            layer.events.colormap.connect(self._take_colormap)
        return layer

    def lend_values(self, layer: Layer) -> None:
        """Let the status bar tell the colours of the slide while a layer on them is selected."""
        own = layer.get_status

        def told(*place: Any, **how: Any) -> dict[str, Any]:
            shown = self._coloured()
            return dict((own if shown is None else shown.get_status)(*place, **how))

        layer.get_status = told

    def _coloured(self) -> Layer | None:
        """The visible layer that colours the spots."""
        found = (layer for role in _COLOURINGS if (layer := self.find(role)))
        return next((layer for layer in found if layer.visible), None)

    def remove(self, *roles: str) -> None:
        """Remove the layers of roles, as far as they are there."""
        found = (layer for role in roles if (layer := self.find(role)))
        layers.remove(self.viewer.layers, found)

    def show_only(self, shown: str) -> None:
        """Show one role on the slide and hide the others: overlaid colours cannot be read."""
        found = {role: layer for role in _COLOURINGS if (layer := self.find(role))}
        for role, layer in found.items():
            layers.update(layer, visible=role == shown)
            if heatmap.has_colour_bar(layer):
                layers.update(layer.colorbar, visible=role == shown)
        selection = self.viewer.layers.selection
        if any(layer is selection.active for role, layer in found.items() if role != shown):
            selection.active = found[shown]  # the status bar shows its values

    def say(self, text: str, position: str = "top_left") -> None:
        """Write the canvas title."""
        overlay = self.viewer.canvas.overlays.text
        layers.update(overlay, text=text, position=position, visible=bool(text))

    def restyle(self) -> None:
        """Take the opacity and the colours that were chosen."""
        for role in _STYLED:
            if layer := self.find(role):
                self._style(layer)

    def _style(self, layer: Layer) -> None:
        layers.update(layer, opacity=self._workspace.opacity)
        if heatmap.has_colour_bar(layer):
            layer.colormap = self._workspace.colormap

    def _take_opacity(self, event: Any) -> None:
        """Use the opacity that a user sets in napari's layer controls."""
        self._workspace.opacity = event.source.opacity

    def _take_colormap(self, event: Any) -> None:
        """Use the colour map that a user chooses there."""
        self._workspace.colormap = event.source.colormap.name
