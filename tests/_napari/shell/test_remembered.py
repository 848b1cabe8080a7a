from __future__ import annotations

import pytest

from napari_stem._napari.shell.remembered import (
    remember,
    remember_options,
    remembered,
    remembered_options,
)
from napari_stem.analysis.leiden_options import LeidenOptions


def test_choices_are_found_again():
    remember(pitch_um=200.0, gene="FASN")
    remember(gene="GNAS")
    assert remembered("pitch_um", 100.0) == 200.0
    assert remembered("gene", "") == "GNAS"


def test_what_was_never_chosen_is_the_default():
    assert remembered("pitch_um", 100.0) == 100.0
    remember(pitch_um="wide")
    assert remembered("pitch_um", 100.0) == 100.0


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[7]"])
def test_what_is_damaged_is_the_default_and_told_once(text, home, messages):
    (home / "config").mkdir()
    (home / "config" / "docks.json").write_text(text)
    assert remembered("pitch_um", 100.0) == 100.0
    remember(gene="GNAS")
    assert remembered("gene", "") == "GNAS"
    (told,) = messages
    assert "start from the defaults" in told
    assert "\n" not in told
    assert (home / "config" / "docks.damaged").read_text() == text


def test_a_folder_that_cannot_be_written_disturbs_nobody(home):
    (home / "config").write_text("a file where the folder should be")
    remember(pitch_um=200.0)
    assert remembered("pitch_um", 100.0) == 100.0


def test_options_are_found_again_and_impossible_ones_are_the_defaults():
    keys = {"n_genes": "cluster_genes"}
    remember_options(LeidenOptions(2.0, n_genes=50, seed=7), keys)
    assert remembered_options(LeidenOptions, keys) == LeidenOptions(2.0, n_genes=50, seed=7)
    assert remembered("cluster_genes", 0) == 50
    remember(cluster_genes=0, resolution="high")
    assert remembered_options(LeidenOptions, keys) == LeidenOptions(seed=7)
