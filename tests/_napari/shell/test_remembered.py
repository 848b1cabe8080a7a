from __future__ import annotations

from napari_stem._napari.shell.remembered import remember, remembered


def test_choices_are_found_again():
    remember(pitch_um=200.0, gene="FASN")
    remember(gene="GNAS")
    assert remembered("pitch_um", 100.0) == 200.0
    assert remembered("gene", "") == "GNAS"


def test_what_was_never_chosen_or_is_damaged_is_the_default(home):
    assert remembered("pitch_um", 100.0) == 100.0
    remember(pitch_um="wide")
    assert remembered("pitch_um", 100.0) == 100.0
    (home / "config" / "docks.json").write_text("{")
    assert remembered("pitch_um", 100.0) == 100.0


def test_a_folder_that_cannot_be_written_disturbs_nobody(home):
    (home / "config").write_text("a file where the folder should be")
    remember(pitch_um=200.0)
    assert remembered("pitch_um", 100.0) == 100.0
