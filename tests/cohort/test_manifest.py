"""The manifest survives what happens to it and to the slides."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from napari_stem.cohort.manifest import FILE, Manifest, read_rows
from napari_stem.cohort.order import Listed

NAMES = ("a, b", 'line\nbreak "quoted"', "caf\udce9")


def test_rows_are_read_as_they_were_written(tmp_path: Path):
    manifest = Manifest(tmp_path)
    for name in NAMES:
        manifest.take(Listed(f"/slides/{name}.svs", name=name, patient="P"), "prediction", "1", ())
    first = Listed(f"/slides/{NAMES[0]}.svs")
    manifest.finish(first.identity, "", spots=7, metrics={"mae": 0.5}, outputs=("x",))
    manifest.write()
    assert read_rows(tmp_path) == manifest.rows
    table = pd.read_csv(tmp_path / FILE, encoding_errors="replace")
    assert list(table.columns[:6]) == ["slide", "state", "reason", "name", "patient", "spots"]
    assert table.mae[0] == 0.5


def test_only_what_is_done_as_asked_with_its_files_is_not_done_again(tmp_path: Path):
    def take(goal: str = "prediction", key: str = "1", outputs: tuple[str, ...] = ("a.h5ad",)):
        return Manifest(tmp_path).take(slide, goal, key, outputs)

    slide = Listed("/slides/a.svs", name="a")
    manifest = Manifest(tmp_path)
    for goal, output in (("prediction", "a.h5ad"), ("evaluation", "")):
        assert manifest.take(slide, goal, "1", [output])
        (tmp_path / "a.h5ad").touch()
        manifest.finish(slide.identity, "", outputs=(output,) if output else ())
    manifest.write()
    assert not take()
    assert not take("evaluation", outputs=())
    assert take("embedding")
    assert take(key="2")  # other draws, or another file
    (tmp_path / "a.h5ad").unlink()
    assert take()


def test_slides_under_way_wait_when_work_stops(tmp_path: Path):
    slide = Listed("/slides/a.svs", name="a")
    manifest = Manifest(tmp_path)
    manifest.take(slide, "prediction", "1", ())
    manifest.change(slide.identity, state="running")
    manifest.wait_again()
    assert manifest.count([slide.identity])["waiting"] == 1


def test_a_damaged_manifest_means_that_nothing_is_known(tmp_path: Path):
    (tmp_path / FILE).write_text("slide,state\n/a.svs,perhaps\n")
    assert read_rows(tmp_path) == []
