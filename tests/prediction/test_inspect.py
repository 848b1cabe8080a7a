"""A point is drawn as a prediction draws a spot there, and compared with the training spots."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from napari_stem.api.predicting import predict
from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.errors import MissingScale, SpotsOutsideSlide
from napari_stem.events import Progress, finish
from napari_stem.features.compute import Compute
from napari_stem.prediction.inspect import Inspector
from napari_stem.prediction.inspection import Inspection, as_table
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.predict import iter_draws
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import positions, spot_diameter
from napari_stem.training.train import TrainResult

OPTIONS = PredictOptions(n_draws=10)


@pytest.fixture(scope="module")
def inspector(trained: TrainResult) -> Inspector:
    return Inspector(trained.checkpoint, OPTIONS)


def inspect(inspector: Inspector, section: Section, xy, *, spots=None, slide=None) -> Inspection:
    *_, last = inspector.iter_inspect(
        slide or section.slide, tuple(xy), spot_diameter_px=110, spots=spots
    )
    assert isinstance(last, Inspection)
    return last


def test_a_spot_has_the_draws_that_a_prediction_of_the_slide_gives_it(inspector, sections, trained):
    section = sections[2]
    work = iter_draws(section.slide, section.spots, trained.checkpoint, OPTIONS, Compute())
    drawn = finish(work)
    with drawn.store:
        whole = drawn.store.read()
    for spot in (0, 7):
        point = inspect(inspector, section, positions(section.spots)[spot])
        step = np.spacing(whole[:, spot].astype(np.float16)).astype(np.float32)
        # float32 sums differ with the shape of a batch, and may round to the next float16.
        assert (np.abs(point.draws - whole[:, spot]) <= step).all()
        assert point.ood == pytest.approx(drawn.ood[spot], rel=1e-4)


def test_bfloat16_describes_a_point_as_it_describes_the_slide(sections, transformer):
    path, weights = transformer
    checkpoint, compute = load_checkpoint(path), Compute(weights=weights)
    section, found = sections[2], {}
    for precision in ("32-true", "bf16-mixed"):
        options = PredictOptions(n_draws=2, precision=precision)
        point = inspect(
            Inspector(checkpoint, options, compute), section, positions(section.spots)[0]
        )
        drawn = finish(iter_draws(section.slide, section.spots, checkpoint, options, compute))
        with drawn.store:
            found[precision] = point.ood, drawn.ood[0]
    (point, slide), (mixed_point, mixed_slide) = found.values()
    assert point == pytest.approx(slide, rel=1e-5)
    change = float(abs(mixed_slide - slide))
    assert change > 1e-5 * slide
    assert mixed_point == pytest.approx(mixed_slide, abs=change / 2)


def test_a_point_is_told_early_and_again_with_more_draws(inspector, sections):
    events = list(inspector.iter_inspect(sections[2].slide, (600.0, 500.5), spot_diameter_px=110))
    told = [event for event in events if isinstance(event, Inspection)]
    assert [len(point.draws) for point in told] == [4, 8, 10]
    for earlier, later in pairwise(told):
        np.testing.assert_array_equal(later.draws[: len(earlier.draws)], earlier.draws)


def test_encoders_are_loaded_once(trained, sections):
    fresh = Inspector(trained.checkpoint, OPTIONS)

    def stages() -> list[str]:
        events = fresh.iter_inspect(sections[2].slide, (600.0, 600.0), spot_diameter_px=110)
        return [event.stage for event in events if isinstance(event, Progress)]

    assert "load" in stages()
    assert "load" not in stages()


def test_training_spots_are_alike_and_foreign_tissue_is_not(inspector, sections):
    known = inspect(inspector, sections[0], positions(sections[0].spots)[3])
    assert known.similarity[0] == 1
    assert known.ood < 1e-2
    assert (np.diff(known.similarity) <= 0).all()
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), dtype=np.uint8)
    foreign = inspect(inspector, sections[0], (600, 600), slide=Slide.from_array(noise, mpp=0.5))
    assert foreign.similarity[0] == 0
    assert foreign.ood > 1


def test_metrics_of_a_gene_are_those_of_a_prediction(inspector, sections, trained):
    section = sections[2]
    spots = section.spots[[5]].copy()
    expected = predict(section.slide, spots, trained.checkpoint, n_draws=10, cache=False)
    point = inspect(inspector, section, positions(spots)[0])
    assert point.mean("EPCAM") == pytest.approx(expected[:, "EPCAM"].X.item(), abs=4e-3)
    low, high = point.interval("EPCAM")
    assert low == pytest.approx(expected[:, "EPCAM"].layers["q05"].item(), abs=4e-3)
    assert high == pytest.approx(expected[:, "EPCAM"].layers["q95"].item(), abs=4e-3)


def test_the_measured_spot_is_named_within_a_spot_diameter_alone(inspector, sections):
    section = sections[2]
    spots, (x, y) = section.spots, positions(section.spots)[4]
    near = inspect(inspector, section, (x + 30, y + 40), spots=spots)
    assert near.measured is not None
    assert (near.measured.spot, near.measured.distance_px) == (spots.obs_names[4], 50)
    counts = spots[:, "COL1A1"].X.toarray().ravel()
    assert near.truth("COL1A1") == pytest.approx(np.log2(counts[4] + 1))
    alone = spots[[4]].copy()
    far = inspect(inspector, section, (x + 1.01 * spot_diameter(spots), y), spots=alone)
    assert far.measured is None
    assert far.truth("COL1A1") is None


def test_a_spot_is_measured_whatever_its_table_calls_the_genes(inspector, sections):
    section = sections[2]
    other = section.spots.copy()
    other.var["gene_name"] = list(other.var_names)
    other.var_names = [f"ENSG{i:011}" for i in range(other.n_vars)]
    xy = positions(other)[4]
    assert (
        inspect(inspector, section, xy, spots=other).truth("ACTB")
        == inspect(inspector, section, xy, spots=section.spots).truth("ACTB")
        is not None
    )


def test_a_predictions_own_numbers_are_no_counts(inspector, sections, trained):
    section = sections[2]
    prediction = predict(section.slide, section.spots, trained.checkpoint, n_draws=10, cache=False)
    xy = positions(prediction)[4]
    point = inspect(inspector, section, xy, spots=prediction)
    assert point.truth("ACTB") == prediction[4, "ACTB"].layers["truth"].item()
    again = predict(section.slide, prediction, trained.checkpoint, n_draws=10, cache=False)
    np.testing.assert_array_equal(again.layers["truth"], prediction.layers["truth"])
    del prediction.layers["truth"]
    assert inspect(inspector, section, xy, spots=prediction).measured is None


def test_a_point_beside_the_slide_or_without_scale_is_refused(inspector, sections):
    section = sections[2]
    with pytest.raises(SpotsOutsideSlide):
        inspect(inspector, section, (-1.0, 5.0))
    bare = Slide.from_array(np.asarray(section.slide.levels[0]))
    with pytest.raises(MissingScale, match="micrometres per pixel"):
        inspect(inspector, section, (600.0, 600.0), slide=bare)


def test_a_table_compares_points(inspector, sections):
    section = sections[2]
    xy = positions(section.spots)[2]
    points = [inspect(inspector, section, at, spots=section.spots) for at in (xy, (5.0, 5.0))]
    table = as_table(points, ["EPCAM", "NOSUCH"])
    assert list(table.columns) == [
        "x_px", "y_px", "x_um", "y_um", "ood", "similarity", "n_draws", "unit",
        "EPCAM mean", "EPCAM q05", "EPCAM q95", "EPCAM measured",
    ]  # fmt: skip
    np.testing.assert_allclose(table[["x_um", "y_um"]], 0.5 * table[["x_px", "y_px"]].to_numpy())
    assert table["EPCAM mean"].tolist() == [point.mean("EPCAM") for point in points]
    assert table["EPCAM measured"].isna().tolist() == [False, True]


def test_patch_widths_follow_the_encoders_fields_and_the_scale(recipe, sections):
    slide = sections[0].slide
    widths = recipe.patch_widths(slide, 110)
    assert widths == pytest.approx([112 / 0.5 * field for field in (1, 2.5)])
    paper = replace(recipe, geometry=replace(recipe.geometry, width_um=None))
    assert paper.patch_widths(slide, 300) == pytest.approx([300, 750])
