"""Paths and names in place of objects, and what is said of wrong arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_stem as stem
from napari_stem.errors import SpotsContradictSlide, WrongType
from napari_stem.events import Event, Progress
from napari_stem.prediction.inspection import Inspection
from napari_stem.prediction.options import PredictOptions
from napari_stem.slides.slide import Slide


def test_paths_give_what_objects_give(names: dict[str, Any]):
    of_objects = names["prediction"]
    with stem.open_slide(names["image"], mpp=0.5) as slide:
        of_paths = stem.predict(slide, names["table"], str(names["checkpoint_file"]), n_draws=4)
    np.testing.assert_allclose(of_paths.X, of_objects.X, atol=2e-3)


def test_a_section_brings_its_own_spots_and_a_slide_gets_a_grid(names: dict[str, Any]):
    section = names["sections"][0]
    assert stem.embed(section, cache=False).shape[0] == section.spots.n_obs
    grid = stem.make_grid(section.slide)
    assert stem.embed(section.slide, cache=False).shape[0] == grid.n_obs


def test_a_grid_lies_where_it_was_laid_also_on_glass(names: dict[str, Any]):
    pixels = np.full((600, 1200, 3), 244, np.uint8)
    pixels[:, :600] = names["slide"].read_region(300, 300, 600, 600)
    slide = stem.Slide.from_array(pixels, mpp=0.5)
    glass = [(700, 0), (1200, 0), (1200, 600), (700, 600)]
    grid = stem.make_grid(slide, pitch_um=50, region=glass, on_tissue=False)
    grid.write_h5ad(names["folder"] / "grid.h5ad")
    for spots in (grid, names["folder"] / "grid.h5ad"):
        assert len(stem.embed(slide, spots, cache=False)) == grid.n_obs
    del grid.uns["source"]  # as if another program had made it
    with pytest.raises(stem.StemError, match="tissue"):
        stem.embed(slide, grid, cache=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda n: stem.predict(n["checkpoint"], n["spots"], n["slide"]),
            r"checkpoint must be a checkpoint, .*, got a Slide\. Check the order",
        ),
        (
            lambda n: stem.predict(n["spots"], n["slide"], n["checkpoint"]),
            r"slide must be a slide, a section, .*, got an AnnData\. Check the order",
        ),
        (
            lambda n: stem.predict(n["slide"], 3, n["checkpoint"]),
            r"spots must be .*, got 3 \(int\)",
        ),
        (lambda n: stem.embed(n["slide"], n["spots"], geometry="square"), "geometry must be"),
        (lambda n: stem.embed(n["slide"], n["spots"], encoders=5), "encoders must be names"),
        (lambda n: stem.train(5, n["recipe"], n["folder"]), "sections must be sections"),
        (lambda n: stem.train(n["sections"][0], "small", n["folder"]), "recipe must be a recipe"),
        (
            lambda n: stem.find_clusters(n["spots"]),
            "got a table that lacks uns",
        ),
        (lambda n: stem.rank_genes(n["slide"]), "prediction must be .*, got a Slide"),
        (lambda n: stem.draws_of(n["spots"]), "prediction must be .*, got a table that lacks"),
        (lambda n: stem.hmhvg(5), "sections must be sections or tables"),
        (lambda n: stem.open_slide(n["slide"]), "path must be the path of a slide, got a Slide"),
        (lambda n: stem.make_grid(n["spots"]), "slide must be a slide, .*, got an AnnData"),
        (lambda n: stem.read_spots(3), r"path must be the path of spots, got 3 \(int\)"),
        (lambda n: stem.load_checkpoint(n["checkpoint"]), "path of a checkpoint, got a Checkpoint"),
        (lambda n: stem.save_checkpoint(n["folder"], n["checkpoint"]), "the file to write, got a"),
        (lambda n: stem.write_prediction(n["table"], "x.csv"), "prediction must be a prediction"),
        (
            lambda n: stem.read_prediction(n["table"]),
            r"spots\.h5ad' must be a prediction",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_expected(
    call: Any, message: str, names: dict[str, Any]
):
    with pytest.raises(WrongType, match=message) as caught:
        call(names)
    assert isinstance(caught.value, stem.StemError)
    assert isinstance(caught.value, TypeError)


def test_a_verb_refuses_arguments_that_it_does_not_take(names: dict[str, Any]):
    given = names["slide"], names["spots"], names["checkpoint"]
    with pytest.raises(TypeError, match="options"):
        stem.predict(*given, options=PredictOptions(n_draws=4))
    with pytest.raises(TypeError, match="on_event"):
        next(stem.iter_predict(*given, on_event=print))


def test_a_hint_is_said_in_words_of_python(tmp_path: Path):
    table = tmp_path / "spots.csv"
    table.write_text("x,y\n1,2\n3,4\n")
    with pytest.raises(stem.StemError) as caught:
        stem.read_spots(table, bin_um=16)
    assert caught.value.__notes__ == ["Leave out bin_um."]


def test_events_are_told_and_no_bar_is_drawn_where_nobody_sees_it(
    names: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    told: list[Event] = []
    stem.embed(names["slide"], names["spots"], cache=False, on_event=told.append)
    assert any(isinstance(event, Progress) for event in told)
    assert capsys.readouterr().err == ""
    stem.embed(names["slide"], names["spots"], cache=False, progress=True)
    assert "embed morphology: 100%" in capsys.readouterr().err


def test_a_point_is_told_while_its_draws_arrive(names: dict[str, Any]):
    told: list[Event] = []
    place = names["slide"], (600, 600), names["checkpoint"]
    point = stem.inspect(*place, spots=names["spots"], n_draws=6, on_event=told.append)
    counts = [len(event.draws) for event in told if isinstance(event, Inspection)]
    assert counts == [4, 6]
    twin = list(stem.iter_inspect(*place, spots=names["spots"], n_draws=6))
    assert [len(event.draws) for event in twin if isinstance(event, Inspection)] == counts
    np.testing.assert_array_equal(twin[-1].draws, point.draws)


def test_closing_a_twin_keeps_what_was_finished(names: dict[str, Any], own_cache: Path):
    events = stem.iter_predict(names["slide"], names["spots"], names["checkpoint"], n_draws=6)
    next(event for event in events if isinstance(event, Progress) and event.stage == "sample")
    events.close()
    assert list((own_cache / "draws").iterdir())


def test_a_sample_is_opened_as_it_is_or_not_at_all():
    with pytest.raises(stem.StemError, match="opened as it is; leave out mpp"):
        stem.read_section("generated:1", mpp=3.0)


def test_one_section_alone_is_not_cross_validated(names: dict[str, Any]):
    with pytest.raises(stem.StemError, match="at least two sections; got 1"):
        stem.cross_validate(names["sections"][:1], names["recipe"])


def test_a_table_must_lie_on_its_slide_as_a_file_must(names: dict[str, Any]):
    spots = names["sections"][2].spots
    pixels = names["slide"].read_region(0, 0, 1200, 1200)
    pixels[:, :600] = 244  # glass
    slide = Slide.from_array(pixels, mpp=0.5)
    on_glass = spots[spots.obsm["spatial"][:, 0] < 550]
    with pytest.raises(SpotsContradictSlide, match="Only 0 % of the") as caught:
        stem.embed(slide, on_glass, "morphology")
    assert caught.value.__notes__ == ["Pass trust_positions=True to overrule this."]
    trusted = stem.embed(slide, on_glass, "morphology", trust_positions=True)
    assert trusted.shape[0] == on_glass.n_obs
    assert "found_and_assumed" not in on_glass.uns  # the caller's table stays as it is
