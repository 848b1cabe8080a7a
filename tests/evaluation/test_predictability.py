"""Estimates before training: what the image tells is told, and what is noise is not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import sparse

import napari_stem as stem
from napari_stem.evaluation.predictability import predictability_in_words
from napari_stem.sections.section import Section


@pytest.fixture
def estimate(embedded):
    return partial(stem.estimate, cache=embedded, progress=False)


def shuffled(section: Section, gene: str, seed: int) -> Section:
    """The same section, one gene of which any spot may have counted."""
    spots = section.spots.copy()
    counts = np.asarray(spots.X.todense())
    column = spots.var_names.get_loc(gene)
    counts[:, column] = np.random.default_rng(seed).permutation(counts[:, column])
    spots.X = sparse.csr_matrix(counts)
    return replace(section, spots=spots)


@pytest.mark.parametrize("count", [1, 3])
def test_a_gene_that_no_image_tells_is_trusted_less_than_others(sections, recipe, estimate, count):
    known = [shuffled(section, "EPCAM", seed) for seed, section in enumerate(sections[:count])]
    table = estimate(known, recipe)
    assert set(table.index) == set(recipe.panel)
    assert list(table["pcc"]) == sorted(table["pcc"], reverse=True)
    told = estimate(sections[:count], recipe)
    assert told.loc["EPCAM", "pcc"] > table.loc["EPCAM", "pcc"] + 0.2
    if count > 1:
        assert table.loc["EPCAM", "trust"] in ("none", "low")
        assert told.loc["EPCAM", "trust"] in ("medium", "high")
    assert ((table["ceiling"] >= 0) & (table["ceiling"] <= 1)).all()
    lines = predictability_in_words(table)
    assert sum(int(line.split()[1]) for line in lines) == len(recipe.panel)
