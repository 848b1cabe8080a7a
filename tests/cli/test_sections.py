"""The command takes spots of every format by the same arguments."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_stem.cli import app
from napari_stem.cli.options import image_files
from napari_stem.cli.sections import section_sources
from napari_stem.errors import LowResolution, OptionError, SlideNotFound
from napari_stem.io import read_spots
from napari_stem.sections.opening import Opening
from napari_stem.sections.section import Section
from napari_stem.spots.table import pitch, positions, spot_diameter
from napari_stem.training.plan import SectionSource, TrainPlan
from napari_stem.training.run_folder import PLAN
from napari_stem.training.train import TrainResult


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


@pytest.fixture
def visium(tmp_path: Path, sections: list[Section]) -> Path:
    """A generated section as Space Ranger would leave it: places without a matrix."""
    section = sections[2]
    spatial = tmp_path / "P1" / "outs" / "spatial"
    spatial.mkdir(parents=True)
    x, y = positions(section.spots).T
    n = len(x)
    columns = {"barcode": section.spots.obs_names, "in_tissue": np.ones(n, int)}
    columns |= {"array_row": np.zeros(n, int), "array_col": np.arange(n)}
    columns |= {"pxl_row_in_fullres": y, "pxl_col_in_fullres": x}
    pd.DataFrame(columns).to_csv(spatial / "tissue_positions.csv", index=False)
    factors = {"spot_diameter_fullres": spot_diameter(section.spots)}
    (spatial / "scalefactors_json.json").write_text(json.dumps(factors))
    picture = section.slide.read_region(0, 0, section.slide.width, section.slide.height)
    Image.fromarray(picture).save(tmp_path / "P1" / "slide.png")
    return tmp_path / "P1"


def options(tmp_path: Path) -> list[object]:
    return [
        "-o", tmp_path / "p.h5ad", "--draws", 2, "--sampler-steps", 3, "--device", "cpu",
        "--cache", tmp_path / "cache",
    ]  # fmt: skip


def test_a_space_ranger_folder_is_described_and_predicted(
    trained: TrainResult, visium: Path, tmp_path: Path
):
    output = run("info", visium)
    assert "Visium, Space Ranger 2 or later" in output
    assert "slide.png" in output.replace(" ", "")
    section = read_spots(visium)
    assert f"scale: {100 / pitch(section):.4g} µm/px" in output
    run("predict", visium, trained.path, "--mpp", 0.5, *options(tmp_path))
    prediction = read_spots(tmp_path / "p.h5ad")
    assert list(prediction.obs_names) == list(section.obs_names)


def test_annotations_are_filled_with_spots(trained: TrainResult, visium: Path, tmp_path: Path):
    ring = [[100, 100], [700, 100], [700, 700], [100, 700], [100, 100]]
    drawn = tmp_path / "drawn.geojson"
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"objectType": "annotation", "classification": {"name": "Tumour"}},
    }
    drawn.write_text(json.dumps([feature]))
    slide = visium / "slide.png"
    run("predict", slide, trained.path, "--spots", drawn, "--mpp", 0.5, *options(tmp_path))
    xy = positions(read_spots(tmp_path / "p.h5ad"))
    # A spot has 200 x 173 pixels: 10 in 600 x 600, and as many as lie on the border.
    assert 8 <= len(xy) <= 14
    assert ((xy >= 100) & (xy <= 700)).all()


def test_a_section_is_predicted_on_other_spots_or_on_a_grid_of_its_slide(
    trained: TrainResult, visium: Path, tmp_path: Path
):
    table = tmp_path / "two.csv"
    table.write_text("x,y\n300,300\n600,300\n")
    given = ("--mpp", 0.5, *options(tmp_path))
    run("predict", visium, trained.path, "--spots", table, *given)
    assert positions(read_spots(tmp_path / "p.h5ad")).tolist() == [[300, 300], [600, 300]]
    run("predict", visium, trained.path, "--pitch", 80, *given)
    assert pitch(read_spots(tmp_path / "p.h5ad")) == pytest.approx(160, rel=0.01)


def test_the_pitch_of_a_spot_table_tells_the_scale_and_its_name_that_of_the_output(
    trained: TrainResult, visium: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    table = tmp_path / "two.csv"
    table.write_text("x,y\n300,300\n600,300\n")
    slide, (_, _, *given) = visium / "slide.png", options(tmp_path)
    monkeypatch.chdir(tmp_path)
    run("predict", slide, trained.path, "--spots", table, "--pitch", 150, *given)
    about = read_spots(tmp_path / "two-prediction.h5ad").uns["napari_stem"]
    assert about["mpp"] == pytest.approx(0.5)
    assert about["slide"] == "slide"


def test_a_suffix_is_refused_before_anything_is_computed(trained: TrainResult, tmp_path: Path):
    cache = tmp_path / "cache"
    arguments = ["predict", "generated:9", trained.path, "-o", "p.tiff", "--cache", cache]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code != 0
    assert not cache.exists()


def test_what_is_held_out_is_not_trained_on(tmp_path: Path, sections: list[Section]):
    for name in ("A", "B"):
        (tmp_path / "st").mkdir(exist_ok=True)
        sections[0].spots.write_h5ad(tmp_path / "st" / f"{name}.h5ad")
    (tmp_path / "wsis").mkdir()
    held_out, run_folder = tmp_path / "st" / "B.h5ad", tmp_path / "run"
    arguments = ["train", tmp_path, "--held-out", held_out, "--run", run_folder, "--device", "cpu"]
    CliRunner().invoke(app, [str(argument) for argument in arguments])  # there are no slides
    plan = TrainPlan.from_json((run_folder / PLAN).read_text(), "plan")
    assert [source.name for source in plan.sections] == ["A"]
    assert [source.name for source in plan.held_out] == ["B"]
    with pytest.raises(OptionError, match="both in training and held out"):
        replace(plan, sections=plan.held_out)


def test_a_data_set_is_trained_on_section_by_section(tmp_path: Path, sections: list[Section]):
    for folder in ("st", "wsis"):
        (tmp_path / folder).mkdir()
    tables = [tmp_path / "st" / f"{name}.h5ad" for name in ("TENX1", "TENX2")]
    for table in tables:
        sections[0].spots.write_h5ad(table)
    found = section_sources(str(tmp_path), None, {"mpp": 0.5})
    assert found == tuple(SectionSource(str(table), mpp=0.5) for table in tables)
    assert [source.name for source in found] == ["TENX1", "TENX2"]
    assert section_sources("generated:1", None, {}) == (SectionSource("generated:1"),)
    missing = str(tmp_path / "missing")
    assert section_sources(missing, None, {}) == (SectionSource(missing),)


@pytest.fixture
def loose(tmp_path: Path, sections: list[Section]) -> tuple[Path, Path]:
    """A table and an image that lie apart, under names that tell nothing."""
    section = sections[2]
    (tmp_path / "apart").mkdir()
    table, image = tmp_path / "x.h5ad", tmp_path / "apart" / "HE.png"
    section.spots.write_h5ad(table)
    picture = section.slide.read_region(0, 0, section.slide.width, section.slide.height)
    Image.fromarray(picture).save(image)
    return table, image


def test_predict_takes_an_image_for_a_table(
    trained: TrainResult, loose: tuple[Path, Path], tmp_path: Path
):
    table, image = loose
    given = ("--mpp", 0.5, *options(tmp_path))
    refused = CliRunner().invoke(app, [str(a) for a in ("predict", table, trained.path, *given)])
    assert isinstance(refused.exception, SlideNotFound)
    output = run("predict", table, trained.path, "--image", image, *given)
    assert "note: scale 0.5 µm/px by the scale that was given alone" in output
    assert "% of the spots lie on detected tissue" in output
    about = read_spots(tmp_path / "p.h5ad").uns["napari_stem"]
    assert any("detected tissue" in note for note in about["notes"])


def test_predict_refuses_a_coarse_image_unless_it_is_allowed(
    trained: TrainResult, loose: tuple[Path, Path], tmp_path: Path
):
    table, image = loose
    given = ("predict", table, trained.path, "--image", image, "--mpp", 4, *options(tmp_path))
    refused = CliRunner().invoke(app, [str(argument) for argument in given])
    assert isinstance(refused.exception, LowResolution)
    assert "a patch of 224 px is made of 28 pixels of the image" in str(refused.exception)
    output = run(*given, "--allow-low-resolution")
    assert "warning: The resolution is too low, predictions are unreliable" in output
    about = read_spots(tmp_path / "p.h5ad").uns["napari_stem"]
    assert about["warnings"][0].startswith("The resolution is too low")


def test_evaluate_takes_an_image_for_each_section(
    trained: TrainResult, loose: tuple[Path, Path], saved: list[Path], tmp_path: Path, kept: Path
):
    table, image = loose
    scaled = tmp_path / "scaled.tif"
    Image.open(image).save(scaled, dpi=(50_800, 50_800))  # 0.5 µm a pixel
    output = run(
        "evaluate", trained.path, table, "--train", saved[0], "--image", f"{table}={scaled}",
        "--draws", 2, "--device", "cpu", "--cache", kept,
    )  # fmt: skip
    assert "note: " in output


def test_images_are_named_by_their_section():
    assert image_files(["HE.jpg"], ["x.h5ad"]) == {"x.h5ad": "HE.jpg"}
    named = ["x.h5ad=HE.jpg", "y.h5ad=a=b.jpg"]
    assert image_files(named, ["x.h5ad", "y.h5ad"]) == {"x.h5ad": "HE.jpg", "y.h5ad": "a=b.jpg"}
    with pytest.raises(OptionError, match=r"use SECTION=FILE, for example x\.h5ad=HE\.jpg"):
        image_files(["HE.jpg"], ["x.h5ad", "y.h5ad"])


def test_train_keeps_images_and_choices_in_its_plan(loose: tuple[Path, Path], tmp_path: Path):
    table, image = loose
    arguments = [
        "train", table, "--image", image, "--run", tmp_path / "run", "--trust-positions",
        "--library", "none", "--device", "cpu",
    ]  # fmt: skip
    CliRunner().invoke(app, [str(argument) for argument in arguments])  # there is no such slide
    plan = TrainPlan.from_json((tmp_path / "run" / PLAN).read_text(), "plan")
    opening = Opening(library="none", trust_positions=True)
    assert plan.sections == (SectionSource(str(table), str(image), opening=opening),)


def test_info_tells_what_real_sources_hold(data_dir: Path):
    for folder, words in (
        ("visium/scanpy_fixture", ["100 genes", "Visium, Space Ranger 1", "pitch of 100 µm"]),
        ("her2st/C5", ["legacy ST array", "0.68", "HE.jpg"]),
        ("squidpy_mouse_brain_crop/counts_100genes.h5ad", ["spots: 49", "100 genes", "spot table"]),
    ):
        output = run("info", data_dir / folder)
        for word in words:
            assert word in output, folder
