"""Sweep: what is learned and what is held out, as sections and their genes vary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import napari_stem as stem
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.errors import StemError
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide
from napari_stem.training.train import TrainResult, hold_out_spots

from ..conftest import PANEL
from .rows import Row, check_refusal, rows

Change = Callable[[Section], Section]


@pytest.fixture
def quick(embedded: Path) -> dict[str, Any]:
    return {"cache": embedded, "n_draws": 2, "progress": False}


def with_spots(section: Section, change: Callable[[Any], Any]) -> Section:
    spots = section.spots.copy()
    found = change(spots)
    return replace(section, spots=spots if found is None else found)


def renamed(section: Section) -> Section:
    """The same tissue under another name."""
    return replace(section, name="another patient")


def saved_anew(section: Section) -> Section:
    """The same tissue under another name, in a file that is not the same to the byte."""
    slide = section.slide
    image = slide.read_region(0, 0, slide.width, slide.height)
    image[0, 0] ^= 1
    return replace(section, name="anew", slide=Slide.from_array(image, mpp=slide.mpp, name="anew"))


def without(*genes: str) -> Change:
    return lambda section: with_spots(
        section, lambda spots: spots[:, ~spots.var_names.isin(genes)].copy()
    )


def zeroed(*genes: str, rows: slice = slice(None)) -> Change:
    def change(spots: Any) -> None:
        matrix = spots.X.toarray()
        matrix[rows, spots.var_names.get_indexer(genes)] = 0
        spots.X = sparse.csr_matrix(matrix)

    return lambda section: with_spots(section, change)


def kept(n: int) -> Change:
    return lambda section: with_spots(section, lambda spots: spots[:n].copy())


def normalised(section: Section) -> Section:
    def change(spots: Any) -> None:
        spots.X = np.log1p(spots.X.toarray() / 7)

    return with_spots(section, change)


def turned_over(section: Section) -> Section:
    """Genes in another order, named by ids of which each has a version."""

    def change(spots: Any) -> Any:
        spots = spots[:, ::-1].copy()
        spots.var["gene_name"] = list(spots.var_names)
        spots.var_names = [f"ENSG{i:011}.{i % 5}" for i in range(spots.n_vars)]
        return spots

    return with_spots(section, change)


def in_lower_case(section: Section) -> Section:
    def change(spots: Any) -> None:
        spots.var_names = [name.capitalize() for name in spots.var_names]

    return with_spots(section, change)


def same(section: Section) -> Section:
    return section


EVALUATED = [
    # What was learned from is no held-out section.
    Row("a training section", lambda s: s[0], "was trained on the slide"),
    Row("a training section under another name", lambda s: renamed(s[0]), "trained on the slide"),
    Row("a training section saved anew", lambda s: saved_anew(s[0]), "same counts"),
    Row("a part of a training section, saved anew", lambda s: kept(9)(saved_anew(s[0])),
        "same counts"),
    Row("a section that training never saw", lambda s: s[2], ""),
    Row("another tissue under a training section's name",
        lambda s: replace(s[2], name="section-0"), "of the name"),
    # What can be measured.
    Row("a gene that was not measured", lambda s: without("CCL5")(s[2]), ""),
    Row("a gene without a count", lambda s: zeroed("CCL5")(s[2]), ""),
    Row("two spots", lambda s: kept(2)(s[2]), ""),
    Row("one spot", lambda s: kept(1)(s[2]), refused="single spot"),
    Row("no count of the panel", lambda s: zeroed(*PANEL)(s[2]), refused="No spot of section-2"),
    Row("counts in one spot", lambda s: zeroed(*PANEL, rows=slice(1, None))(s[2]),
        refused="single spot"),
    Row("normalised values", lambda s: normalised(s[2]), refused="not whole numbers"),
    Row("no gene of the panel", lambda s: without(*PANEL)(s[2]), refused="No gene"),
    Row("names of another species", lambda s: in_lower_case(s[2]), refused="No gene"),
    Row("genes in another order, by ids with versions", lambda s: turned_over(s[2]), ""),
]  # fmt: skip


@rows(EVALUATED)
def test_an_evaluation_is_of_what_was_held_out_or_says_so(
    row: Row, sections: list[Section], trained: TrainResult, quick: dict[str, Any]
):
    def act() -> Any:
        return stem.evaluate(trained.checkpoint, row.make(sections), sections[1], **quick)

    if row.refused:
        check_refusal(row, act)
        return
    found = act()
    assert bool(found.seen) == bool(row.right)
    assert row.right in found.seen
    assert all(np.isfinite(list(scores.values())).all() for scores in found.scores.values())


def test_the_order_and_the_ids_of_genes_change_no_metric(
    sections: list[Section], trained: TrainResult, quick: dict[str, Any]
):
    plain, other = (
        stem.evaluate(trained.checkpoint, section, sections[:2], **quick)
        for section in (sections[2], turned_over(sections[2]))
    )
    assert plain.scores == other.scores
    assert plain.gene_pcc == other.gene_pcc


def test_a_gene_without_a_count_has_no_correlation(
    sections: list[Section], trained: TrainResult, quick: dict[str, Any]
):
    found = stem.evaluate(trained.checkpoint, zeroed("CCL5")(sections[2]), sections[:2], **quick)
    assert "CCL5" not in found.gene_pcc
    assert set(found.gene_pcc) == set(PANEL) - {"CCL5"}


TRAINED = [
    Row("held out what is trained on", lambda s: ([s[0]], [s[0]]), refused="section-0"),
    Row("the same under another name", lambda s: ([s[0]], [renamed(s[0])]), refused="another pat"),
    Row("the same saved anew", lambda s: ([s[0]], [saved_anew(s[0])]), refused="anew"),
    Row("a section twice", lambda s: ([s[0], renamed(s[0])], []), refused="another patient"),
    Row("one held-out spot", lambda s: ([s[0]], [kept(1)(s[2])]), refused="single spot"),
    Row("a held-out section without counts", lambda s: ([s[0]], [zeroed(*PANEL)(s[2])]),
        refused="No spot of section-2"),
    Row("a gene that no section measured", lambda s: ([without("CCL5")(s[0])], []),
        refused="CCL5"),
    Row("a gene that one section did not measure", lambda s: ([s[0], without("CCL5")(s[1])], []),
        refused="missing in section-1: CCL5"),
    Row("one spot", lambda s: ([kept(1)(s[0])], []), refused="single spot"),
    Row("nothing", lambda s: ([], []), refused="No section"),
    Row("normalised values", lambda s: ([normalised(s[0])], []), refused="not whole numbers"),
    Row("two spots", lambda s: ([kept(2)(s[0])], [s[2]])),
    Row("a strip of a section", lambda s: tuple([half] for half in hold_out_spots(s[0], 0.3))),
    Row("a gene without a count", lambda s: ([zeroed("CCL5")(s[0])], [zeroed("CCL5")(s[2])])),
]  # fmt: skip


@rows(TRAINED)
def test_training_takes_what_can_be_learned_and_held_out_or_refuses(
    row: Row, sections: list[Section], recipe: Recipe, tmp_path: Path, quick: dict[str, Any]
):
    learned, held_out = row.make(sections)
    short = replace(recipe, fit=replace(recipe.fit, steps=3))

    def act() -> TrainResult:
        return stem.train(learned, short, tmp_path / "run", held_out=held_out, **quick)

    if row.refused:
        check_refusal(row, act)
        assert not (tmp_path / "run").exists()
        return
    for evaluation in act().evaluations:
        assert np.isfinite(list(evaluation.scores["Stem"].values())).all()
        assert not evaluation.seen


def test_a_fold_of_cross_validation_that_was_seen_is_refused(
    sections: list[Section], recipe: Recipe, quick: dict[str, Any]
):
    with pytest.raises(StemError, match="another patient"):
        stem.cross_validate([sections[0], renamed(sections[0])], recipe, **quick)


@pytest.mark.parametrize("share", [0.0, 1.0, 1e-9, np.nan])
def test_a_share_that_leaves_too_few_spots_is_refused(sections: list[Section], share: float):
    with pytest.raises(StemError, match="share") as refusal:
        hold_out_spots(sections[0], share)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "panel",
    [(), ("EPCAM", "EPCAM"), ("EPCAM", ""), ("EPCAM", " ")],
    ids=["empty", "a gene twice", "an empty name", "a blank"],
)
def test_panels_that_name_no_genes_are_refused(panel: tuple[str, ...]):
    with pytest.raises(StemError) as refusal:
        make_recipe("small", panel)
    assert "\n" not in str(refusal.value)


REGIONS = [
    Row("beside the slide", [(2000, 2000), (2500, 2000), (2500, 2500)], refused="no spot"),
    Row("two corners", [(0, 0), (9, 9)], refused="three corners"),
    Row("without area", [(0, 0), (500, 0), (900, 0)], refused="no spot"),
    Row("a corner that is not finite", [(0, 0), (500, np.nan), (900, 0)], refused="finite"),
    Row("a point", {"type": "Point", "coordinates": [5, 5]}, refused="no polygon"),
    Row("nothing", [], refused="region"),
]


@rows(REGIONS)
def test_regions_without_spots_are_refused(row: Row, sections: list[Section]):
    check_refusal(row, lambda: stem.make_grid(sections[0].slide, region=row.make))
