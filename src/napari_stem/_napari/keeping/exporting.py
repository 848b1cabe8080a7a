"""The request for an export, and its work in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_stem._napari.shell.imports import importing
from napari_stem._napari.state.saved_places import keep_points, keep_regions
from napari_stem._napari.state.saved_view import View
from napari_stem.events import Events, Progress
from napari_stem.spots.provenance import PATHS

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.drawn_shape import DrawnShape
    from napari_stem._napari.state.point import Point


@dataclass(frozen=True, slots=True, eq=False)
class ExportRequest:
    """Prediction, path, genes and spots of an export.

    Attributes
    ----------
    genes, region
        As for `select`: symbols, and polygons in level-0 pixels; all if empty.
    with_slide_path
        Whether the file contains the path of the slide.
    points, drawn
        Inspected points and drawn regions of the slide, which the file holds, too.
    """

    prediction: AnnData
    path: Path
    view: View
    genes: Sequence[str] = ()
    region: Sequence[NDArray[np.float64]] = ()
    with_slide_path: bool = True
    points: Sequence[Point] = ()
    drawn: Sequence[DrawnShape] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the file holds all genes and spots, so that nothing but it needs to be kept."""
        from napari_stem.exports.registry import find_exporter

        is_figure = find_exporter(self.path).most_genes is not None
        return not (self.genes or self.region or is_figure)

    def events(self) -> Events[Path]:
        """Write the file and return its path."""
        yield Progress(0, 0, "export", self.path.name)
        with importing:
            import napari_stem.aside  # noqa: F401  # which writing loads, and with it torch
            from napari_stem.exports.registry import find_exporter, iter_write_prediction
            from napari_stem.spots.selection import select

        find_exporter(self.path).check(self.path, self.genes)
        part = select(self.prediction, genes=self.genes, region=self.region or None)
        self.view.keep_in(part)
        keep_points(self.points, part)
        keep_regions(self.drawn, part)
        if not self.with_slide_path:
            part.uns["napari_stem"] |= dict.fromkeys(PATHS, "")
        return (yield from iter_write_prediction(part, self.path, genes=self.genes))
