"""A prediction as every writer gets it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from napari_stem.spots.table import spot_table

GENES = ["FASN", "GNAS", "ACTB"]


@pytest.fixture
def prediction() -> AnnData:
    """Six spots by three genes, in two clusters."""
    random = np.random.default_rng(0)
    xy = random.uniform(100, 900, (6, 2))
    mean = random.gamma(2, 1, (6, 3)).astype(np.float32)
    table = spot_table(xy, diameter_px=60, counts=mean, genes=GENES, library="C5")
    table.layers["std"] = random.gamma(1, 1, (6, 3)).astype(np.float32)
    table.layers["q05"], table.layers["q95"] = mean / 2, mean * 2
    table.obs["ood"] = random.uniform(0, 2, 6).astype(np.float32)
    table.obs["leiden"] = pd.Categorical(list("121121"), categories=["1", "2"])
    table.obs["x"] = "a column that others brought"
    table.uns["napari_stem"] = {"recipe": "{}", "seed": 0}
    return table
