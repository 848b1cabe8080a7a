"""Scale, size, extent and tissue agree, or the answer is a refusal that names both numbers."""

from __future__ import annotations

import numpy as np
import pytest

from napari_stem.errors import Remedy, SpotsContradictSlide
from napari_stem.spots.witnesses import (
    Claim,
    agreed_scale,
    are_few,
    arrangements,
    check_extent,
    check_pitch,
    check_size,
    inside,
    judge_tissue,
    reduction,
)

SLIDE, PITCH = Claim(0.25, "the slide (OME metadata)"), Claim(0.5, "the spot pitch of 100 µm")
SIZE = (1000.0, 600.0)


def test_scales_that_agree_give_the_first_one():
    near = Claim(0.26, "the spot pitch of 100 µm")
    claim, note = agreed_scale([SLIDE, near], "A1")
    assert claim is SLIDE
    assert "agree within 4 %" in note


def test_a_single_scale_is_taken_and_said():
    claim, note = agreed_scale([PITCH], "A1")
    assert (claim, note) == (PITCH, "scale 0.5 µm/px by the spot pitch of 100 µm alone")


def test_scales_that_contradict_each_other_are_refused_with_both():
    with pytest.raises(SpotsContradictSlide, match=r"0\.25 µm/px by the slide .* 0\.5 µm/px") as e:
        agreed_scale([SLIDE, PITCH], "A1")
    assert e.value.hint is not None
    assert (e.value.hint.remedy, e.value.hint.value) == (Remedy.SCALE, "0.25 or 0.5")


def test_what_the_user_decides_is_used_and_the_contradiction_noted():
    claim, note = agreed_scale([SLIDE, PITCH], "A1", decided=True)
    assert claim is SLIDE
    assert "contradict each other" in note
    assert "0.5 µm/px" in note


def test_an_image_larger_than_any_slide_is_refused():
    check_extent(PITCH, (50_000, 40_000), "A1")
    with pytest.raises(SpotsContradictSlide, match=r"at 16 µm/px .* would measure 320 mm"):
        check_extent(Claim(16, "the spot pitch"), (20_000, 9_000), "A1")


@pytest.mark.parametrize(("mpp", "said"), [(0.25, r"1 px \(0.25 µm\) apart"), (None, "1 px apart")])
def test_places_in_an_array_are_no_pixels(mpp: float | None, said: str):
    with pytest.raises(SpotsContradictSlide, match=said) as refused:
        check_pitch(1.0, mpp, "A")
    assert refused.value.hint is not None
    assert refused.value.hint.remedy is Remedy.TRUST
    check_pitch(8.0, 0.25, "A")  # bins of 2 µm
    check_pitch(4.0, None, "A")


def test_a_picture_is_known_by_its_size():
    factors = {"tissue_hires_scalef": 0.2, "tissue_lowres_scalef": 0.06, "wide_scalef": 2.0}
    assert reduction(SIZE, factors, (200, 120)) == ("tissue_hires_scalef", 0.2)
    assert reduction(SIZE, factors, (60, 36)) == ("tissue_lowres_scalef", 0.06)
    for other in ((1000, 600), (100, 60), (120, 200), (200, 180)):
        assert reduction(SIZE, factors, other) is None


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((500, 300), "0.5 times as large"),
        ((2000, 1200), "2 times as large"),
        ((600, 1000), "turned by 90 degrees"),
        ((1000, 800), "another shape"),
    ],
)
def test_an_image_of_another_size_is_refused(size: tuple[float, float], said: str):
    with pytest.raises(SpotsContradictSlide, match=rf"1,000 x 600 px\. This one .*{said}"):
        check_size(SIZE, 5, size, "A1")


def test_an_image_of_the_expected_size_agrees():
    assert "agrees" in check_size(SIZE, 5, (1004, 597), "A1")


def test_few_spots_beyond_an_image_are_told_from_many():
    xy = np.array([[0, 0], [1000, 600], [1000.5, 3], [3, -1]])
    np.testing.assert_array_equal(inside(xy, SIZE), [True, True, False, False])
    assert are_few(1, 3)
    assert not are_few(2, 3)
    assert are_few(50, 1000)
    assert not are_few(51, 1000)


def test_arrangements_turn_and_mirror_the_array_within_the_image():
    corner = np.array([[100.0, 50.0]])
    found = {name: tuple(places[0]) for name, places in arrangements(corner, SIZE).items()}
    assert found[""] == (100, 50)
    assert found["mirrored from left to right"] == (900, 50)
    assert found["mirrored from top to bottom"] == (100, 550)
    assert found["turned by 180 degrees"] == (900, 550)
    assert found["with x and y swapped"] == (50, 100)
    # The corner at the upper left goes to the upper right, and to the lower left.
    assert found["turned by 90 degrees clockwise"] == (950, 100)
    assert found["turned by 90 degrees counterclockwise"] == (50, 500)
    assert len(found) == 8


@pytest.mark.parametrize("measured", [True, False])
def test_spots_on_tissue_are_confirmed(measured: bool):
    note = judge_tissue({"": 0.97, "turned": 1.0}, 50, "A1", measured=measured)
    assert note == "97 % of the spots lie on detected tissue"


def test_measured_spots_that_another_arrangement_puts_on_tissue_are_refused():
    shares = {"": 0.82, "with x and y swapped": 1.0}
    with pytest.raises(SpotsContradictSlide, match=r"Only 82 %.* 100 % .* x and y swapped") as e:
        judge_tissue(shares, 50, "A1", measured=True)
    assert e.value.hint is not None
    assert e.value.hint.remedy == Remedy.TRUST
    assert "82 %" in judge_tissue(shares, 50, "A1", measured=False)
    with pytest.raises(SpotsContradictSlide):
        judge_tissue({"": 0.3, "mirrored": 0.95}, 50, "A1", measured=False)


def test_measured_spots_on_glass_are_refused_and_other_spots_are_not():
    with pytest.raises(SpotsContradictSlide, match=r"Only 20 % of the 50 spots .*at least 50 %"):
        judge_tissue({"": 0.2, "mirrored": 0.4}, 50, "A1", measured=True)
    assert "20 %" in judge_tissue({"": 0.2, "mirrored": 0.4}, 50, "A1", measured=False)
    assert "only 60 %" in judge_tissue({"": 0.6, "mirrored": 0.4}, 50, "A1", measured=True)


def test_a_handful_of_spots_proves_nothing():
    assert "only 0 %" in judge_tissue({"": 0.0, "mirrored": 1.0}, 5, "A1", measured=True)
