"""What fails stays on a line of its dock: the reason first, and of files the name alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from qtpy.QtWidgets import QLabel

from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.shell.hints import by_names
from napari_stem._napari.shell.panel import complain

from ..conftest import is_busy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is damaged. File: '/a/b c/d.csv'.", "It is damaged. File: 'd.csv'."),
        ("[Errno 2] No such file: '/a/b/d.csv'", "[Errno 2] No such file: 'd.csv'"),
        ("It is damaged. File: 'C:\\a b\\d.csv'.", "It is damaged. File: 'd.csv'."),
        ("Ask at https://a.org/b/c.", "Ask at https://a.org/b/c."),
    ],
)
def test_of_files_the_name_is_said(text: str, said: str):
    assert by_names(text) == said


def test_a_line_keeps_its_state_below_the_latest_reason(qtbot):
    line = QLabel("3 spots")
    qtbot.addWidget(line)
    for reason in ("one", "another"):
        complain(line, ValueError(reason))
    assert line.text() == "⚠ Unexpected error: another\n3 spots"


def test_each_dock_says_on_its_own_line_why_a_file_is_refused(viewer, section, tmp_path, qtbot):
    bad = tmp_path / "a folder" / "bad.csv"
    bad.parent.mkdir()
    bad.write_bytes(b"\xff\xfe\x00")
    no_folder = bad / "points.csv"
    predict, inspect = open_dock(viewer, "Predict"), open_dock(viewer, "Inspect")
    setup, cohort = open_dock(viewer, "Train").dialog().setup, open_dock(viewer, "Cohort").folder
    markers, sections = predict.result.markers, setup.sections
    predict.workspace.take_slide(section.slide)
    failing: list[tuple[Callable[[Path], object], Path, QLabel]] = [
        (predict.slide.open, bad, predict.slide.note),
        (predict.spots.load, bad, predict.spots.note),
        (predict.checkpoint.open, bad, predict.checkpoint.note),
        (markers.import_file, bad, markers.note),
        (setup.genes.read, bad, setup.genes.note),
        (lambda path: sections.add([str(path)]), bad, sections.problem_note),
        (inspect.points.save, no_folder, inspect.points.note),
        (cohort.open, bad.parent, cohort.note),
    ]
    for act, path, line in failing:
        act(path)
        reason = rf"(⚠ )?(The|This) .+\. (File|Folder|Path): '{path.name}'\.(\n|$)"
        qtbot.waitUntil(lambda said=reason, line=line: re.search(said, line.text()) is not None)
        assert str(tmp_path) not in line.text()
    qtbot.waitUntil(lambda: not is_busy(viewer))
