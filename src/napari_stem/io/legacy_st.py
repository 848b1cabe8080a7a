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
from napari_stem.spots import check_counts, lattice_pitch, spot_table

PITCH_UM = 200.0
DIAMETER_OVER_PITCH = 0.5  # 100 um spots, 200 um apart
_COLUMNS = ["x", "y", "pixel_x", "pixel_y"]


def is_legacy_st(folder: Path) -> bool:
    """Whether the folder has a spot table and counts of this layout."""
    return folder.is_dir() and bool(_find(folder, "spot", "selection") and _counts_file(folder))


def read_legacy_st(folder: Path) -> AnnData:
    """Spots inside the tissue that were counted, with raw counts.

    Returns
    -------
    A spot table; `uns["not_counted"]` names the spots inside the tissue without counts.

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
            f"'{folder}' is no legacy ST folder: it needs a spot table (*spots*.tsv or "
            "*selection*.tsv) and counts (*.tsv.gz)."
        )
    spots, counts = _read_spots(spots_file), _read_counts(counts_file)
    counted = spots.index.isin(counts.index)
    unknown = counts.index.difference(spots.index)
    if not counted.any() or len(unknown) > len(counts) // 2:
        raise CountsError(
            f"'{counts_file}' counts {len(counts)} spots, of which {len(unknown)} are not in "
            f"'{spots_file.name}' (for example {', '.join(unknown[:3])}). "
            "Are both files of the same section?"
        )
    inside = spots[counted]
    xy = inside[["pixel_x", "pixel_y"]].to_numpy(float)
    table = spot_table(
        xy,
        diameter_px=DIAMETER_OVER_PITCH * lattice_pitch(inside[["x", "y"]].to_numpy(float), xy),
        ids=list(inside.index),
        counts=sparse.csr_matrix(counts.loc[inside.index].to_numpy(np.float32)),
        genes=list(counts.columns),
        library=folder.name,
    )
    check_counts(table)
    table.obs[["array_x", "array_y"]] = inside[["x", "y"]].to_numpy()
    table.uns["not_counted"] = list(spots.index[~counted])
    return table


def _read_spots(path: Path) -> pd.DataFrame:
    try:
        spots = pd.read_csv(path, sep="\t")
    except (OSError, ValueError) as error:
        raise SpotsError(f"'{path}' cannot be read as a table of spots: {error}.") from error
    missing = [name for name in _COLUMNS if name not in spots]
    if missing:
        raise SpotsError(
            f"'{path}' lacks the columns {', '.join(missing)}; it has {', '.join(spots.columns)}."
        )
    if "selected" in spots:
        spots = spots[spots["selected"] == 1]
    # Several files write whole array coordinates as "10.0".
    spots.index = pd.Index(
        [f"{x}x{y}" for x, y in spots[["x", "y"]].round().astype(int).to_numpy()], dtype=str
    )
    if not spots.index.is_unique:
        twice = ", ".join(spots.index[spots.index.duplicated()][:3])
        raise SpotsError(f"'{path}' has spots more than once: {twice}.")
    return spots


def _read_counts(path: Path) -> pd.DataFrame:
    try:
        with pd.option_context("mode.copy_on_write", True):
            counts = pd.read_csv(path, sep="\t", index_col=0, engine="c", low_memory=False)
        counts = counts.astype(np.float32)
    except (OSError, EOFError, ValueError) as error:
        raise CountsError(f"'{path}' cannot be read as a table of counts: {error}.") from error
    counts.index = counts.index.astype(str)
    if not counts.index.is_unique or not counts.columns.is_unique:
        raise CountsError(f"'{path}' has a spot or a gene more than once.")
    return counts


def _counts_file(folder: Path) -> Path | None:
    return _find(folder, "count") or next(
        (p for p in sorted(folder.glob("*.tsv.gz")) if "spot" not in p.name), None
    )


def _find(folder: Path, *words: str) -> Path | None:
    files = sorted(p for p in folder.iterdir() if p.name.endswith((".tsv", ".tsv.gz")))
    return next((p for word in words for p in files if word in p.name.lower()), None)
