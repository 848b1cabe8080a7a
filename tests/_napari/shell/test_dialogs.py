"""Where to save: names are completed, and nothing is replaced that nobody was asked about."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_stem._napari.shell.dialogs import ask_save, beside
from napari_stem.slides.slide import open_slide

_YES, _NO = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No


@pytest.mark.parametrize(
    ("typed", "answer", "expected", "questions"),
    [
        ("", _YES, None, 0),
        ("new", _NO, "new.csv", 0),
        ("Case 12.5 um", _YES, "Case 12.5 um.csv", 1),
        ("Case 12.5 um", _NO, None, 1),
        ("Case 12.5 um.CSV", _NO, "Case 12.5 um.CSV", 0),
        ("Case 12.5 um.csv", _NO, "Case 12.5 um.csv", 0),  # the dialog has asked
    ],
)
def test_a_completed_name_is_asked_about_where_it_stands_already(
    qtbot, tmp_path, monkeypatch, typed, answer, expected, questions
):
    (tmp_path / "Case 12.5 um.csv").touch()
    asked = []
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (typed and str(tmp_path / typed), "")
    )
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[-1]) or answer)
    parent = QWidget()
    qtbot.addWidget(parent)
    path = ask_save(parent, "Save", tmp_path / "it.csv", kind="CSV table", suffix=".csv")
    assert path == (expected and tmp_path / expected)
    assert asked == ["Replace 'Case 12.5 um.csv'?"] * questions


def test_a_dialog_starts_beside_the_slide_or_where_the_last_one_ended(saved, section):
    with open_slide(saved[0] / "slide.tif") as slide:
        assert beside(slide, "/last") == str(saved[0])
    assert beside(section.slide, "/last") == "/last"
    assert beside(None, "/last") == "/last"
