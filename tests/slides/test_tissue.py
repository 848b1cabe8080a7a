"""Tissue is found on tinted and on clean glass, and nothing on bare glass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_stem.io import read_spots
from napari_stem.sections.synthetic import generate_section
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.slides.tissue import TissueMask, tissue_mask
from napari_stem.spots.grid import make_grid
from napari_stem.spots.notes import notes_of
from napari_stem.spots.table import positions


def test_printed_arrays_on_tinted_glass(data_dir: Path):
    for name in ("C2", "C5"):
        folder = data_dir / "her2st" / name
        spots = pd.read_csv(folder / "spots.tsv", sep="\t").query("selected == 1")
        with open_slide(folder / "HE.jpg") as slide:
            corners = np.array([[0, 0], [slide.width - 1, 0], [0, slide.height - 1]], dtype=float)
            scaled = [slide, slide.with_mpp(0.688)][: 2 if name == "C2" else 1]
            for found in map(tissue_mask, scaled):
                covered = found.contains(spots[["pixel_x", "pixel_y"]].to_numpy(float))
                assert covered.mean() >= 0.95
                # 180 spots stand for 180 * 0.2 * 0.2 mm2, 17 % of it; halos and dots are no tissue.
                assert 0.15 < found.mask.mean() < 0.20
                assert not found.contains(corners).any()
                assert found.excluded == ()


def test_a_clean_scan(data_dir: Path):
    with open_slide(data_dir / "slides" / "CMU-1-Small-Region.svs") as slide:
        found = tissue_mask(slide)
    # Seen on the picture: dermis, the keratin pit, white glass left and right, ink debris.
    tissue = np.array([[900, 1300], [1250, 1600], [600, 2500], [1750, 2500], [480, 1080]])
    glass = np.array([[100, 2500], [2100, 2800], [300, 400], [2000, 200], [700, 650], [2090, 600]])
    assert found.contains(tissue.astype(float)).all()
    assert not found.contains(glass.astype(float)).any()


def test_a_grey_background(data_dir: Path):
    folder = data_dir / "squidpy_mouse_brain_crop"
    with open_slide(folder / "HE.jpg", mpp=0.73) as slide:
        found = tissue_mask(slide)
    assert found.contains(positions(read_spots(folder / "counts_100genes.h5ad"))).all()
    assert not found.contains(np.array([[50.0, 900.0], [400.0, 30.0], [80.0, 1600.0]])).any()


def test_generated_tissue_is_found_with_its_fat():
    section = generate_section("generated", seed=3, size_px=1400)
    found = tissue_mask(section.slide)
    assert found.contains(positions(section.spots)).mean() >= 0.95
    assert not found.contains(np.array([[5.0, 5.0], [1390.0, 5.0], [5.0, 1390.0]])).any()


@pytest.mark.parametrize("tint", [0, 5, 15, 25])
def test_bare_glass_holds_no_tissue_however_it_is_lit(tint: int):
    random = np.random.default_rng(0)
    light = np.array([230, 212, 230]) + np.linspace(0, tint, 1500)[:, None]
    glass = light[None] + random.normal(0, 2, (1500, 1500, 3))
    slide = Slide.from_array(glass.clip(0, 255).astype(np.uint8), mpp=2.0)
    assert not tissue_mask(slide).mask.any()


@pytest.fixture(scope="module")
def tissue(real_slides: list[Path]) -> np.ndarray:
    """A scan of skin where it is here, else a generated section; (h, w, 3) at about 0.5 um."""
    for path in real_slides:
        if path.name == "CMU-1-Small-Region.svs":
            with open_slide(path) as slide:
                return slide.read_region(0, 0, slide.width, slide.height)
    slide = generate_section("generated", seed=3, size_px=2600).slide
    return slide.read_region(0, 0, slide.width, slide.height)


def below_stroke(height: int, width: int) -> np.ndarray:
    """Pixels down to the middle of a line from left to right and slightly down."""
    y, x = np.mgrid[:height, :width]
    return y - height / 2 - x / 8


def points(where: np.ndarray) -> np.ndarray:
    """One of 40 x 40 pixels, x and y."""
    rows, columns = np.nonzero(where[::40, ::40])
    return 40.0 * np.column_stack([columns, rows])


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ("blue ink", (40, 80, 170)),
        ("green ink", (30, 140, 90)),
        ("black ink", (35, 35, 40)),
    ],
)
def test_pen_marks_are_left_out_and_told(tissue: np.ndarray, ink: str, colour: tuple[int, ...]):
    clean = tissue_mask(Slide.from_array(tissue, mpp=0.499))
    marked, distance = tissue.copy(), abs(below_stroke(*tissue.shape[:2]))
    line = distance < 150
    # Ink lies over the glass as a filter: what is below darkens it.
    marked[line] = (tissue[line].astype(float) / 255 * colour).round()
    found = tissue_mask(Slide.from_array(marked, mpp=0.499))
    (excluded,) = found.excluded
    assert excluded.reason == ink
    # Dark nuclei below the ink, and its border, may look otherwise.
    assert 0.6 * line.mean() < excluded.share < 1.1 * line.mean()
    under = points(line)
    assert found.contains(under).mean() < 0.25 * clean.contains(under).mean()
    far = points(distance > 300)
    assert (found.contains(far) == clean.contains(far)).mean() > 0.97  # all but small specks


def test_blurred_tissue_is_left_out_and_told(data_dir: Path, tissue: np.ndarray):
    clean = tissue_mask(Slide.from_array(tissue, mpp=0.499))
    assert clean.excluded == ()
    blurred = tissue.copy()
    blurred[2100:] = ndimage.gaussian_filter(tissue, (8, 8, 0))[2100:]  # 4 um
    found = tissue_mask(Slide.from_array(blurred, mpp=0.499))
    (excluded,) = found.excluded
    assert excluded.reason == "out of focus"
    border = round(2100 / clean.downsample)
    upper, lower = np.s_[: border - 40], np.s_[border + 40 :]  # a look is 24 pixels wide
    np.testing.assert_array_equal(found.mask[upper], clean.mask[upper])
    assert found.mask[lower].sum() < 0.1 * clean.mask[lower].sum()
    lost = clean.mask.mean() - found.mask.mean()
    assert excluded.share == pytest.approx(lost, rel=0.1)  # blur moves the border of tissue


def test_a_grid_tells_what_was_left_out(tissue: np.ndarray):
    marked = tissue.copy()
    marked[abs(below_stroke(*tissue.shape[:2])) < 150] = (40, 80, 170)
    spots = make_grid(Slide.from_array(marked, mpp=0.499))
    (told,) = notes_of(spots)
    assert told.startswith("excluded from the tissue: blue ink (")
    assert notes_of(make_grid(Slide.from_array(tissue, mpp=0.499))) == ()


def test_a_mask_answers_for_points_of_its_own_pixels_alone():
    mask = TissueMask(*[np.array([[True, False], [False, False]])] * 2, 10.0)
    places = np.array([[0, 0], [9.9, 9.9], [10, 0], [-0.1, 0], [0, -5], [25, 0], [0, 1e9]])
    assert mask.contains(places).tolist() == [True, True, *[False] * 5]
