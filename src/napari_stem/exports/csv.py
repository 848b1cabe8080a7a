"""CSV tables, and the table that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from napari_stem.events import Check, go_on
from napari_stem.exports.exporter import Exporter
from napari_stem.prediction.trust import warnings_of
from napari_stem.roomy import blocks
from napari_stem.spots.provenance import origin
from napari_stem.spots.table import positions
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData


def write_csv(
    prediction: AnnData, path: Path, genes: Sequence[str] = (), check: Check = go_on
) -> None:
    """Write the wide table of a prediction."""
    with atomic_path(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        for rows in blocks(prediction.n_obs, 2 * prediction.n_vars):
            check()
            wide_table(prediction, rows).to_csv(file, header=not rows.start)


EXPORTER = Exporter(
    suffix=".csv",
    name="CSV table",
    holds="One row per spot: x, y, cluster, mean and SD of each gene, slide and checkpoint.",
    write=write_csv,
)


def wide_table(prediction: AnnData, rows: slice) -> pd.DataFrame:
    """One row per spot: x, y, ood, cluster, means, SDs, what it was made of, and any warning."""
    part = prediction[rows]
    places = pd.DataFrame(positions(part), index=part.obs_names, columns=["x", "y"])
    known = prediction.obs[[name for name in ("ood", "leiden") if name in prediction.obs]]
    if "leiden" in known:
        known = known.astype({"leiden": "category"})  # the same ones in each part
    mean, std = part.to_df(), part.to_df("std").add_suffix(" SD")
    wide: pd.DataFrame = pd.concat([places, known.iloc[rows], mean, std], axis=1)
    made = origin(prediction)
    wide["slide"], wide["checkpoint"], wide["n_draws"] = made.slide, made.checkpoint, made.n_draws
    if warnings := warnings_of(prediction):
        wide["warning"] = " ".join(warnings)
    return wide.rename_axis("id")
