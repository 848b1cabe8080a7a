"""The checkpoint that comes with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

import napari_stem as stem
from napari_stem.checkpoints.checkpoint import read_about
from napari_stem.checkpoints.starter import ATTRIBUTION, TITLE, starter_file
from napari_stem.errors import OptionError
from napari_stem.sections.section import Section


def test_it_says_what_it_is_how_good_and_whose_data_it_learned_from():
    recipe, about = read_about("starter")
    assert (about["title"], about["attribution"]) == (TITLE, ATTRIBUTION)
    assert len(recipe.panel) == 300
    assert set(about["gene_pcc"]) == set(recipe.panel)
    for metric in ("pcc_50", "fair_crps", "gsc", "ssc"):
        sign = -1 if metric == "fair_crps" else 1
        ours, *others = (sign * scores[metric] for scores in about["scores"].values())
        assert ours > max(others)
    assert 1e6 < starter_file().stat().st_size < 3e6


def test_it_predicts_by_its_name(sections: list[Section]):
    spots = sections[0].spots[:3].copy()
    prediction = stem.predict(sections[0], spots, "starter", n_draws=2, cache=False)
    assert prediction.shape == (3, 300)
    assert prediction.var["held_out_pcc"].notna().mean() > 0.9
    with pytest.raises(OptionError, match="without a depth"):
        stem.predict(sections[0], spots, "starter", n_draws=2, cache=False, depth=650)


def test_it_predicts_a_cohort(saved: list[Path], tmp_path: Path):
    done = stem.predict_cohort(
        saved[:1], "starter", tmp_path, workers=0, n_draws=1, steps=2, device="cpu", cache=tmp_path
    )
    assert list(done.state) == ["done"]
