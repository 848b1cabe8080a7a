"""The view of each open slide (camera, visible layers), and the layer list as a way to choose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from qtpy.QtCore import QTimer

from napari_stem._napari.canvas import heatmap, layers
from napari_stem._napari.canvas.drawn_region import drawn_shapes
from napari_stem._napari.canvas.layer_names import name_layers
from napari_stem._napari.keeping.discarding import discard
from napari_stem._napari.shell.docks import is_open, window_of

if TYPE_CHECKING:
    from anndata import AnnData
    from napari.layers import Layer
    from napari.viewer import Viewer

    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class _SlideView:
    spots: AnnData | None
    result: Result | None
    visible: WeakSet[Layer]
    active: WeakSet[Layer]
    text: str
    centre: tuple[float, ...]
    zoom: float


class SlideViews:
    """Saves the view of a slide when another one is shown, and restores it when it returns.

    Selecting a layer of an open slide shows that slide. Removing its image layer closes it; if that
    would lose a result, the layers come back until the user has decided.
    """

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        self._viewer_ref = ref(viewer)  # a workspace must not keep its viewer alive
        self._workspace = workspace
        self._views: dict[str, _SlideView] = {}
        self._removed: list[tuple[int, Layer]] = []  # until napari has removed all it is removing
        workspace.leaving.connect(self._keep)
        workspace.returned.connect(self._bring_back)
        workspace.events.slides.connect(self._forget)
        workspace.events.slides.connect(self._name_layers)
        viewer.layers.events.inserted.connect(self._name_layers)
        viewer.layers.events.removed.connect(self._wait)
        viewer.layers.selection.events.active.connect(self._follow)

    def _keep(self) -> None:
        slide, camera = self._workspace.slide, self._viewer.scene.camera
        if slide is None:
            return
        ours = self._layers_of(slide.fingerprint)
        active = self._viewer.layers.selection.active
        self._views[slide.fingerprint] = _SlideView(
            spots=self._workspace.spots,
            result=self._workspace.result,
            visible=WeakSet(layer for layer in ours if layer.visible),
            active=WeakSet(layer for layer in ours if layer is active),
            text=self._viewer.canvas.overlays.text.text,
            centre=camera.center,
            zoom=camera.zoom,
        )

    def _bring_back(self) -> None:
        work = self._workspace
        view = self._views.pop(work.slide.fingerprint, None) if work.slide else None
        if view is None or work.slide is None:
            return
        camera, overlay = self._viewer.scene.camera, self._viewer.canvas.overlays.text
        camera.center, camera.zoom = view.centre, view.zoom
        ours = self._layers_of(work.slide.fingerprint)
        selection = self._viewer.layers.selection
        if selection.active not in ours:
            selection.active = next((x for x in ours if x in view.active), ours[0])
        if view.spots is not work.spots or view.result is not work.result:
            return  # newer spots or a newer result are shown instead
        for layer in ours:
            layers.update(layer, visible=layer in view.visible)
            if heatmap.has_colour_bar(layer):
                layers.update(layer.colorbar, visible=layer.visible)
        layers.update(overlay, text=view.text, visible=bool(view.text))

    def _forget(self, now: tuple[Slide, ...], before: tuple[Slide, ...]) -> None:
        """Remove what is left of slides that were closed."""
        for closed in {s.fingerprint for s in before} - {s.fingerprint for s in now}:
            self._views.pop(closed, None)
            layers.remove(self._viewer.layers, self._layers_of(closed))

    def _name_layers(self) -> None:
        name_layers(self._viewer.layers, self._workspace)

    def _follow(self, event: Any) -> None:
        """Show the slide of the layer that a user has selected."""
        if event.value is None or self._removed:
            return  # napari selects a neighbour of what it removes
        slide = layers.slide_among(self._workspace.slides, event.value)
        if slide is not None:
            self._workspace.show_slide(slide)

    def _wait(self, event: Any) -> None:
        """Check which slides are left once napari has removed all layers it is removing."""
        viewer = self._viewer_ref()
        if viewer is None or not is_open(viewer):
            return
        if not self._removed:
            # It ends with the window, which removes all layers when it closes.
            timer = QTimer(window_of(viewer), singleShot=True)
            timer.timeout.connect(self._close_removed)
            timer.timeout.connect(timer.deleteLater)
            timer.start(0)
        self._removed.append((event.index, event.value))

    def _close_removed(self) -> None:
        removed, self._removed = self._removed, []
        viewer = self._viewer_ref()
        if viewer is None or not is_open(viewer):
            return
        pictures = {
            layers.slide_of(layer) for layer in viewer.layers if layers.role_of(layer) == "slide"
        }
        for slide in self._workspace.slides:
            if slide.fingerprint in pictures:
                self._workspace.take_regions(slide, drawn_shapes(viewer, slide))
            else:
                self._close(viewer, slide, removed)

    def _close(self, viewer: Viewer, slide: Slide, removed: list[tuple[int, Layer]]) -> None:
        work = self._workspace
        lost = work.unsaved_work(slide)
        if any(lost):
            for index, layer in reversed(removed):
                if layers.slide_of(layer) == slide.fingerprint:
                    viewer.layers.insert(min(index, len(viewer.layers)), layer)
        close = partial(work.close_slide, slide)
        discard(window_of(viewer), work, lost, "Remove the slide's image", close)

    @property
    def _viewer(self) -> Viewer:
        viewer = self._viewer_ref()
        assert viewer is not None
        return viewer

    def _layers_of(self, slide: str) -> list[Layer]:
        return [layer for layer in self._viewer.layers if layers.slide_of(layer) == slide]
