"""What is no prediction is refused with a message, wherever one is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from napari_stem.analysis.labels import Clusters
from napari_stem.analysis.marker_genes import rank_genes
from napari_stem.errors import SpotsError, WrongType
from napari_stem.exports.registry import write_prediction
from napari_stem.io.preview import slide_of
from napari_stem.prediction.kept_draws import draws_of
from napari_stem.reports.report import write_report
from napari_stem.spots.provenance import provenance
from napari_stem.spots.table import spot_table

HERE = Path()


@pytest.fixture
def spots() -> AnnData:
    """Measured spots in two clusters, which nobody predicted."""
    counts = np.random.default_rng(0).poisson(5, (6, 2)).astype(np.float32)
    xy = [(100, 100 * row) for row in range(6)]
    table = spot_table(xy, diameter_px=60, counts=counts, genes=["A", "B"])
    table.obs["leiden"] = pd.Categorical(list("112212"))
    return table


@pytest.mark.parametrize(
    "use",
    [
        lambda spots: rank_genes(spots, Clusters.of_prediction(spots)),
        lambda spots: draws_of(spots, HERE),
        lambda spots: write_report(spots, HERE / "a.html"),
        lambda spots: write_prediction(spots, HERE / "a.csv"),
        lambda spots: slide_of(spots, HERE),
        provenance,
    ],
    ids=["rank_genes", "draws_of", "write_report", "write_prediction", "slide_of", "provenance"],
)
def test_spots_that_nobody_predicted_are_refused(spots: AnnData, use: Callable[[AnnData], Any]):
    with pytest.raises(WrongType, match=r"a prediction .*, got a table that lacks uns"):
        use(spots)


def test_a_key_that_is_missing_is_named(spots: AnnData):
    spots.uns["napari_stem"] = {"seed": 0}
    with pytest.raises(WrongType, match=r"lacks uns\['napari_stem'\]\['unit'\]"):
        provenance(spots, "seed", "unit")


def test_a_selection_says_that_its_draws_are_those_of_the_whole(spots: AnnData):
    spots.uns["napari_stem"] = {"seed": 0, "n_draws": 2}
    with pytest.raises(SpotsError, match="Take the draws of the whole prediction"):
        draws_of(spots, HERE)
