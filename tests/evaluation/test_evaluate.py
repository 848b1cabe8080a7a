"""What an evaluation compares, and what it says about it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import napari_stem as stem
from napari_stem.errors import PanelError
from napari_stem.evaluation.scoring import score
from napari_stem.genes.panels import hmhvg
from napari_stem.sections.section import Section


def without(section: Section, *genes: str) -> Section:
    kept = [gene for gene in section.spots.var_names if gene not in genes]
    return replace(section, spots=section.spots[:, kept].copy())


@pytest.fixture
def evaluate(trained, embedded):
    return partial(
        stem.evaluate, trained.checkpoint, n_draws=4, steps=5, cache=embedded, progress=False
    )


def test_genes_that_a_section_did_not_measure_are_left_out_and_named(sections, trained, evaluate):
    whole = evaluate(sections[2], sections[:2])
    assert whole.missing_genes == ()
    part = evaluate(without(sections[2], "CD3E"), [without(sections[0], "ACTB")])
    assert part.missing_genes == ("CD3E", "ACTB")
    kept = [gene for gene in trained.checkpoint.recipe.panel if gene not in part.missing_genes]
    assert list(part.gene_pcc) == list(part.prediction.var_names) == kept
    truth = whole.prediction[:, kept].layers["truth"]
    np.testing.assert_array_equal(part.prediction.layers["truth"], truth)
    for gene in kept:  # the model draws as it would with all genes measured
        assert part.gene_pcc[gene] == pytest.approx(whole.gene_pcc[gene], abs=1e-4)
    expected = score(np.asarray(part.prediction.X), truth)["mae"]
    assert part.scores["Stem"]["mae"] == pytest.approx(expected, abs=1e-3)


def test_a_section_without_any_gene_of_the_panel_is_refused(sections, trained, evaluate):
    panel = trained.checkpoint.recipe.panel
    with pytest.raises(PanelError, match=r"No gene of the checkpoint's panel .* section-2"):
        evaluate(without(sections[2], *panel), sections[:2])


def test_a_section_that_was_learned_from_is_told(sections, evaluate):
    learned = replace(sections[0], name="another name")
    assert evaluate(sections[2], sections[:2]).seen == ""
    found = evaluate(learned, sections[1])
    assert found.seen == "The checkpoint was trained on the slide of 'another name'."
    assert "training section 'another name'" in repr(found)
    namesake = replace(sections[2], name="section-1")
    assert "a section of the name 'section-1'" in evaluate(namesake, sections[0]).seen
    assert "among the training sections" in evaluate(sections[2], sections).seen


def test_a_panel_is_chosen_from_genes_that_held_out_sections_measured_too(sections):
    tables = [section.spots for section in sections]
    chosen = stem.hmhvg(tables[:2], 5)
    again = hmhvg(tables[:2], 5, measured_by=[without(sections[2], chosen[0]).spots])
    assert chosen[0] not in again
    assert len(again) == 5
