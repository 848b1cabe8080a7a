"""Work that the Inspect dock runs in a thread; the checkpoint stays in memory between clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.shell.imports import importing, load_triton_apart
from napari_stem._napari.shell.networks import in_memory
from napari_stem.events import Events, Progress
from napari_stem.prediction.inspection import as_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.shell.networks import InMemory
    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem._napari.state.grid_choice import GridChoice
    from napari_stem.features.compute import Compute
    from napari_stem.prediction.inspect import Inspector
    from napari_stem.prediction.inspection import Inspection
    from napari_stem.prediction.options import PredictOptions
    from napari_stem.slides.slide import Slide

_GENES = 10  # shown if the checkpoint predicts no built-in marker gene


class LoadedCheckpoint:
    """A checkpoint and its encoders in memory, read at the first click."""

    def __init__(self, checkpoint: ChosenCheckpoint) -> None:
        self.checkpoint = checkpoint
        self._held: InMemory | None = None
        self._inspector: Inspector | None = None

    def inspect(
        self,
        slide: Slide,
        xy: tuple[float, float],
        spots: AnnData | None,
        diameter_px: float,
        options: PredictOptions,
        compute: Compute,
    ) -> Events[Inspection]:
        """Predict a point; incomplete inspections are yielded while draws arrive."""
        if self._inspector is None:
            yield Progress(0, 0, "load", self.checkpoint.path.name)
            self._inspector = self._load()
        assert self._held is not None  # since `_load`
        self._inspector.options = options
        self._inspector.compute = self._held.compute(self.checkpoint, compute)
        return (
            yield from self._inspector.iter_inspect(
                slide, xy, spot_diameter_px=diameter_px, spots=spots
            )
        )

    def _load(self) -> Inspector:
        load_triton_apart()
        with importing:
            from napari_stem.prediction.inspect import Inspector

        self._held = in_memory(self.checkpoint)
        return Inspector(self._held.checkpoint)


def spot_diameter_px(slide: Slide, spots: AnnData | None, grid: GridChoice) -> float:
    """Diameter of the slide's spots, or of a grid's if there are none, in level-0 pixels."""
    if spots is not None:
        from napari_stem.spots.table import spot_diameter  # imported with the spots

        return spot_diameter(spots)
    return grid.diameter_um / (slide.mpp or 1.0)


def lay_grid(
    slide: Slide, corners: NDArray[np.float64], grid: GridChoice
) -> Events[AnnData | None]:
    """A grid on the tissue in a polygon; None if there is no tissue for a spot."""
    yield Progress(0, 0, "grid", slide.name)
    with importing:
        from napari_stem.errors import SpotsError
        from napari_stem.spots.grid import make_grid

    try:
        return make_grid(
            slide,
            pitch_um=grid.pitch_um,
            diameter_um=grid.diameter_um,
            layout=grid.layout,
            region=corners,
        )
    except SpotsError:
        return None


def markers_in(panel: Sequence[str], gene: str) -> list[str]:
    """The shown gene and the built-in marker genes, as far as the panel has them."""
    from napari_stem.genes.markers import BUILT_IN

    markers = dict.fromkeys([gene, *(marker for each in BUILT_IN for marker in each.genes)])
    return [marker for marker in markers if marker in panel] or list(panel[:_GENES])


def points_csv(points: Sequence[tuple[int, Inspection]], genes: Sequence[str]) -> str:
    """Numbered points with their genes as CSV."""
    table = as_table([inspection for _, inspection in points], genes)
    table.insert(0, "point", [number for number, _ in points])
    return str(table.to_csv(index=False, float_format="%.6g"))


def write_text(path: Path, text: str) -> Events[Path]:
    """Write a file; an existing one is replaced when the new one is complete."""
    yield Progress(0, 0, "save", path.name)
    from napari_stem.storage import atomic_path

    with atomic_path(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path
