"""Folders of the legacy Spatial Transcriptomics arrays: one image, spots, and counts.

Spots: a table with x, y (array coordinates), pixel_x, pixel_y (level-0 pixels) and perhaps
`selected`. Counts: spots named "XxY" by genes. Source: github.com/almaan/her2st.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

from napari_stem.errors import CountsError, SpotsError, SpotsNotFound
from napari_stem.io.bounded import UNREADABLE, check_fields, opened_text, read_spot_table
from napari_stem.io.naming import named
from napari_stem.slides.suffixes import SLIDES
from napari_stem.spots.pitch import array_pitch
from napari_stem.spots.source import Source, with_source
from napari_stem.spots.table import check_counts, spot_table
from napari_stem.text import a_few, one_line, repeated

ST_PITCH_UM = 200.0
DIAMETER_OVER_PITCH = 0.5  # 100 µm spots, 200 µm apart
_COLUMNS = ["x", "y", "pixel_x", "pixel_y"]


def is_legacy_st(folder: Path) -> bool:
    """Whether the folder has a spot table and counts of this layout."""
    return folder.is_dir() and bool(_find(folder, "spot", "selection") and _counts_file(folder))


def read_legacy_st(folder: Path) -> AnnData:
    """Spots inside the tissue that were counted, with raw counts.

    Returns
    -------
    A spot table. `uns["not_counted"]` names the spots inside the tissue without counts,
    `uns["not_placed"]` those with counts but no coordinates; both are left out.

    Raises
    ------
    SpotsNotFound
        The folder lacks the spot table or the counts.
    SpotsError, CountsError
        They are damaged or do not belong together.
    """
    spots_file, counts_file = _find(folder, "spot", "selection"), _counts_file(folder)
    if spots_file is None or counts_file is None:
        raise SpotsNotFound(
            "This is not a legacy ST folder: a spot table (*spots*.tsv or "
            f"*selection*.tsv) and counts (*.tsv.gz) are needed. Folder: '{folder}'."
        )
    spots, counts = _read_spots(spots_file), _read_counts(counts_file)
    unknown = counts.index.difference(spots.index)
    inside = spots[spots["selected"]]
    counted = inside[inside.index.isin(counts.index)]
    if counted.empty or len(unknown) > len(counts) // 2:
        raise CountsError(
            f"{len(unknown)} of the {len(counts)} spots with counts are not in "
            f"'{spots_file.name}' (for example {a_few(unknown[:3])}). Check that both "
            f"files belong to the same section. File: '{counts_file}'."
        )
    array_xy = counted[["x", "y"]].to_numpy(float)
    xy = counted[["pixel_x", "pixel_y"]].to_numpy(float)
    with named(spots_file):
        table = spot_table(
            xy,
            diameter_px=DIAMETER_OVER_PITCH * array_pitch(array_xy, xy),
            ids=list(counted.index),
            counts=sparse.csr_matrix(counts.loc[counted.index].to_numpy(np.float32)),
            genes=list(counts.columns),
            library=folder.name,
        )
    with named(counts_file):
        check_counts(table)
    table.obs[["array_x", "array_y"]] = array_xy
    table.uns["not_counted"] = inside.index.difference(counted.index).to_numpy(object)
    table.uns["not_placed"] = unknown.to_numpy(object)
    return with_source(
        table,
        Source(
            "legacy ST array",
            pitch_um=ST_PITCH_UM,
            images=tuple(find_images(folder)),
        ),
    )


def find_images(folder: Path) -> list[Path]:
    """Images that may be the slide."""
    return [p for p in sorted(folder.glob("*")) if p.suffix.lower() in SLIDES]


def _read_spots(path: Path) -> pd.DataFrame:
    """Coordinates by "XxY", and whether each spot was selected as inside the tissue."""
    spots = read_spot_table(path, sep="\t")
    check_fields(spots, path)
    missing = [name for name in _COLUMNS if name not in spots]
    if missing:
        raise SpotsError(
            f"The columns {', '.join(missing)} are missing; the table has "
            f"{', '.join(spots.columns)}. File: '{path}'."
        )
    places: pd.DataFrame = spots[_COLUMNS].apply(pd.to_numeric, errors="coerce")
    lost = ~np.isfinite(places.to_numpy(float)).all(axis=1)
    if lost.any():
        raise SpotsError(
            f"{', '.join(_COLUMNS)} must be numbers in line {spots.index[lost][0] + 2}. "
            f"File: '{path}'."
        )
    # Several files write whole array coordinates as "10.0".
    array_xy = places[["x", "y"]].round().astype(int).to_numpy()
    places.index = pd.Index([f"{x}x{y}" for x, y in array_xy], dtype=str)
    if not places.index.is_unique:
        raise SpotsError(f"Spots occur more than once: {repeated(places.index)}. File: '{path}'.")
    places["selected"] = spots["selected"].to_numpy() == 1 if "selected" in spots else True
    return places


def _read_counts(path: Path) -> pd.DataFrame:
    try:
        with opened_text(path) as file:
            head = file.readline().rstrip("\r\n").split("\t")
        with opened_text(path) as file:
            counts: pd.DataFrame = pd.read_csv(file, sep="\t", index_col=0, low_memory=False)
    except SpotsError:
        raise
    except UNREADABLE as error:
        raise CountsError(
            f"The file could not be read as a table of counts: {one_line(error)}. File: '{path}'."
        ) from error
    counts.index = counts.index.astype(str)
    if len(head) >= counts.shape[1]:  # pandas renames the second of two equal names
        counts.columns = pd.Index(
            [name.strip('"') for name in head[len(head) - counts.shape[1] :]], dtype=str
        )
    for what, names in (("Spots", counts.index), ("Genes", counts.columns)):
        if not names.is_unique:
            raise CountsError(f"{what} occur more than once: {repeated(names)}. File: '{path}'.")
    texts = counts.columns[~counts.dtypes.map(pd.api.types.is_numeric_dtype)]
    if len(texts):
        raise CountsError(f"Some counts of gene {texts[0]} are not numbers. File: '{path}'.")
    numbers: pd.DataFrame = counts.astype(np.float32)
    return numbers


def _counts_file(folder: Path) -> Path | None:
    return _find(folder, "count") or next(
        (p for p in sorted(folder.glob("*.tsv.gz")) if "spot" not in p.name), None
    )


def _find(folder: Path, *words: str) -> Path | None:
    files = sorted(p for p in folder.iterdir() if p.name.endswith((".tsv", ".tsv.gz")))
    return next((p for word in words for p in files if word in p.name.lower()), None)
