"""Exports as generators for `worker.start`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_stem._napari.state.saved_view import View
from napari_stem.events import Events, Progress

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

# Suffix and what people call it; the first is the default.
FORMATS = {
    ".h5ad": "AnnData",
    ".geojson": "QuPath GeoJSON",
    ".csv": "CSV table",
    ".parquet": "Parquet table",
    ".ome.tif": "OME-TIFF heatmaps",
    ".zarr": "SpatialData",
    ".png": "PNG figure",
    ".html": "HTML report",
}
_MOST_IN_FIGURE = 12  # genes; each is a row


@dataclass(frozen=True, slots=True, eq=False)
class ExportRequest:
    """Everything that decides an export.

    Attributes
    ----------
    genes, region
        As for `select`; none takes all. A figure of all genes shows the most telling ones.
    with_slide_path
        Whether the file tells where the slide lies.
    """

    prediction: AnnData
    path: Path
    view: View
    genes: Sequence[str] = ()
    region: Sequence[NDArray[np.float64]] = ()
    with_slide_path: bool = True

    def events(self) -> Events[Path]:
        """Write the file and return its path."""
        yield Progress(0, 0, "export", self.path.name)
        from napari_stem.io import select

        part = select(self.prediction, genes=self.genes, region=self.region)
        self.view.keep_in(part)
        if not self.with_slide_path:
            part.uns["napari_stem"]["slide_path"] = ""
        self._write(part)
        return self.path

    def _write(self, part: AnnData) -> None:
        from napari_stem.errors import OptionError
        from napari_stem.io import write_prediction

        match self.path.suffix.lower():
            case ".png" | ".html" if len(self.genes) > _MOST_IN_FIGURE:
                raise OptionError(
                    f"{len(self.genes)} genes are too many for a figure; it shows up to "
                    f"{_MOST_IN_FIGURE}. Name those, or choose all genes for the leading ones."
                )
            case ".png":
                from napari_stem.reports.report import write_picture

                write_picture(part, self.path, genes=self.genes)
            case ".html":
                from napari_stem.reports.report import write_report

                write_report(part, self.path, genes=self.genes)
            case _:
                write_prediction(part, self.path)
