"""All formats, found among the modules of this room, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from napari_stem import exports
from napari_stem.errors import OptionError
from napari_stem.events import Check, Events, Progress, go_on
from napari_stem.exports.encodable import encodable
from napari_stem.exports.exporter import Exporter
from napari_stem.spots.provenance import provenance
from napari_stem.storage import as_path

if TYPE_CHECKING:
    from anndata import AnnData

DEFAULT_SUFFIX = ".h5ad"


@cache
def exporters() -> tuple[Exporter, ...]:
    """All formats, the default first and the others by name."""
    modules = (
        import_module(f"{exports.__name__}.{m.name}") for m in iter_modules(exports.__path__)
    )
    found = [module.EXPORTER for module in modules if hasattr(module, "EXPORTER")]
    return tuple(sorted(found, key=lambda entry: (entry.suffix != DEFAULT_SUFFIX, entry.name)))


def formats() -> str:
    """The suffixes of all formats, as display text."""
    *others, last = (entry.suffix for entry in exporters())
    return f"{', '.join(others)} or {last}"


def find_exporter(path: str | Path) -> Exporter:
    """The format of a path's suffix.

    Raises
    ------
    OptionError
        The suffix is that of no format; the message lists them.
    """
    for entry in exporters():
        if Path(path).name.lower().endswith(entry.suffix):
            return entry
    raise OptionError(f"The suffix of '{path}' is not an export format; choose {formats()}.")


def write_prediction(prediction: AnnData, path: str | Path, *, genes: Sequence[str] = ()) -> None:
    """Write a prediction in the format of the suffix.

    `.h5ad` and `.zarr` (SpatialData) contain all of it, `.csv` and `.parquet` a table, `.geojson`
    tiles for QuPath, `.ome.tif` heatmaps, `.png` a figure, `.html` a report. A part of it is made
    by `spots.selection.select`.

    Parameters
    ----------
    prediction
        What `predict` returned.
    path
        The file to write; what stands there stays until the new one is whole.
    genes
        Those that a figure or a report shows; none takes the leading ones.

    Raises
    ------
    WrongType
        The table is no prediction.
    OptionError
        The suffix is none of these, its format needs an optional dependency that is missing, or
        a figure cannot show so many genes.
    PanelError
        The prediction lacks a gene.
    StorageError
        The file cannot be written; what stood there stays.

    Examples
    --------
    >>> stem.write_prediction(prediction, folder / "slide.csv")
    """
    _write(prediction, path, genes, go_on)


def iter_write_prediction(
    prediction: AnnData, path: str | Path, *, genes: Sequence[str] = ()
) -> Events[Path]:
    """`write_prediction` in a thread, with progress.

    Closing it stops it between parts; figures, reports and SpatialData are one part.
    """
    from napari_stem.aside import iter_aside  # loads torch, which listing the formats does not need

    job, name = partial(_write, prediction, path, genes), Path(path).name
    return (yield from iter_aside(job, lambda: Progress(0, 0, "export", name)))


def _write(prediction: AnnData, path: str | Path, genes: Sequence[str], check: Check) -> Path:
    path = as_path(path, "the file to write")
    provenance(prediction)
    exporter = find_exporter(path)
    exporter.check(path, genes)
    exporter.write(encodable(prediction), path, genes, check)
    return path
