"""`info` says of every path what it is, what was found in it, and what can be done with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from anndata import AnnData
from PIL import Image
from typer.testing import CliRunner

from napari_stem.cli import app
from napari_stem.errors import OptionError
from napari_stem.sections.section import Section
from napari_stem.training.plan import SectionSource, TrainPlan
from napari_stem.training.run_folder import create_run
from napari_stem.training.train import TrainResult

from ..io.visium_writers import write_run


def info(path: object, *options: object) -> str:
    given = ["info", str(path), *map(str, options)]
    result = CliRunner().invoke(app, given, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def outs(tmp_path: Path) -> Path:
    write_run(tmp_path / "P1" / "outs")
    return tmp_path / "P1" / "outs"


def test_a_section_tells_which_witnesses_agree(outs: Path):
    Image.new("RGB", (300, 200), "white").save(outs / "slide [1].png")
    output = info(outs)
    assert "spots: 19, pitch 40.0 px; 3 genes; Visium, Space Ranger 2 or later" in output
    assert "counts: " in output
    assert "slide [1].png, 300 x 200 px, scale 2.5" in output
    assert "note: scale 2.5" in output
    assert "use: train, evaluate, predict" in output


def test_a_section_without_a_slide_says_so(outs: Path):
    assert "slide: none found; name it with --image" in info(outs)


def test_spots_without_counts_are_counted(tmp_path: Path, sections: list[Section]):
    spots = sections[0].spots.copy()
    spots.X = spots.X.toarray()
    spots.X[:3] = 0
    spots.write_h5ad(tmp_path / "x.h5ad")
    assert "counts: 3 spots without any" in info(tmp_path / "x.h5ad")


def test_a_matrix_is_no_section(outs: Path):
    output = info(outs / "filtered_feature_bc_matrix.h5")
    assert "10x count matrix: 19 barcodes, 3 genes; no positions" in output


def test_a_run_folder_tells_how_it_stands(tmp_path: Path):
    create_run(tmp_path / "run", TrainPlan((SectionSource("generated:1"),)))
    output = info(tmp_path / "run")
    assert "run folder: interrupted; trains on generated-1" in output
    assert "goes on" in output


def test_several_sections_are_listed(tmp_path: Path):
    for name in ("A1", "B1"):
        write_run(tmp_path / name / "outs")
    assert "sections: 2 (A1, B1)" in info(tmp_path)


def test_a_prediction_is_no_counts(tmp_path: Path, trained: TrainResult):
    prediction = trained.evaluation.prediction  # type: ignore[union-attr]
    prediction.write_h5ad(tmp_path / "p.h5ad")
    output = info(tmp_path / "p.h5ad")
    assert f"prediction: {prediction.n_obs} spots, 8 genes; slide section-2" in output
    assert "no counts" in output


def test_a_prediction_of_an_older_version_has_no_notes(tmp_path: Path, prediction: AnnData):
    prediction.write_h5ad(tmp_path / "p.h5ad")
    assert "prediction: 6 spots, 3 genes" in info(tmp_path / "p.h5ad")


def test_a_folder_of_something_else_is_said_to_be_unusable(tmp_path: Path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(OptionError, match=r"Nothing in this folder .* it holds notes\.txt"):
        info(tmp_path)


def test_a_slide_tells_its_scale(tmp_path: Path):
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(tmp_path / "s.png")
    assert "slide: levels 60 x 40; scale unknown" in info(tmp_path / "s.png")
    assert "scale 0.5 µm/px (argument)" in info(tmp_path / "s.png", "--mpp", 0.5)


def test_the_pictures_of_a_file_are_named_and_another_can_be_taken(tmp_path: Path):
    path = tmp_path / "case.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for name, side in (("macro image", 96), ("case [7] 20x", 64)):
            pixels = np.full((side, side, 3), 200, np.uint8)
            tiff.write(pixels, photometric="rgb", metadata={"axes": "YXS", "Name": name})
    assert "picture: 1 ('case [7] 20x'); --picture takes another one: 0 ('macro image')" in info(
        path
    )
    output = info(path, "--picture", "macro image")
    assert "slide: levels 96 x 96" in output
    assert "picture: 0 ('macro image')" in output
    with pytest.raises(OptionError, match="no picture 'label'; the file has 0"):
        info(path, "--picture", "label")
