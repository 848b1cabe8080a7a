"""A slide and its spots are opened together, at the scale that they imply."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import spearmanr
from skimage.color import rgb2hed

from napari_stem.errors import OptionError, SlideNotFound, SlideUnreadable, SpotsOutsideSlide
from napari_stem.genes.names import find_genes
from napari_stem.sections.section import Section, open_section, section_on
from napari_stem.sections.synthetic import generate_section
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import has_counts, positions, spot_table

PITCH = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A legacy array of 25 spots on a small image."""
    folder = tmp_path / "A1"
    folder.mkdir()
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(1, 6), np.arange(1, 6)))
    places = pd.DataFrame({"x": x, "y": y, "pixel_x": PITCH * x, "pixel_y": PITCH * y})
    places.to_csv(folder / "spots.tsv", sep="\t", index=False)
    names = [f"{a}x{b}" for a, b in zip(x, y, strict=True)]
    pd.DataFrame({"FASN": range(25)}, index=names).to_csv(folder / "counts.tsv", sep="\t")
    Image.new("RGB", (240, 260), "white").save(folder / "HE.png", dpi=(72, 72))
    return folder


def test_a_legacy_array_gives_the_scale(folder: Path):
    section = open_section(folder)
    assert section.name == section.slide.name == "A1"
    assert section.slide.mpp == pytest.approx(200 / PITCH)
    assert section.slide.mpp_source == "spot pitch"
    assert has_counts(section.spots)


def test_old_symbols_are_known_by_a_table_of_them(folder: Path):
    table = folder / "symbols.txt"
    table.write_text("OA-519,FASN\n" * 2)
    section = open_section(folder, symbols=table)
    assert find_genes(["OA-519"], section.spots.var).columns["OA-519"].tolist() == [0]
    on_it = section_on(section.slide, folder, symbols=table)
    assert on_it.spots.var.equals(section.spots.var)
    assert find_genes(["OA-519"], open_section(folder).spots.var).missing == ("OA-519",)


def test_a_stated_scale_or_pitch_wins(folder: Path):
    stated = open_section(folder, mpp=0.5).slide
    assert (stated.mpp, stated.mpp_source) == (0.5, "argument")
    assert open_section(folder, pitch_um=100).slide.mpp == pytest.approx(100 / PITCH)


def test_a_spot_table_beside_any_image(tmp_path: Path):
    xy = np.array([[10.0, 10.0], [60.0, 10.0], [10.0, 60.0]])
    spot_table(xy, diameter_px=20).write_h5ad(tmp_path / "spots.h5ad")
    Image.new("RGB", (90, 90)).save(tmp_path / "image.png")
    path, image = tmp_path / "spots.h5ad", tmp_path / "image.png"
    assert open_section(path, image=image).slide.mpp is None
    assert open_section(path, image=image, pitch_um=100).slide.mpp == pytest.approx(2)
    with pytest.raises(SlideNotFound, match="Choose the image"):
        open_section(path)


def test_spots_of_another_image_are_refused(folder: Path):
    Image.new("RGB", (130, 140)).save(folder / "HE.png")
    with pytest.raises(SpotsOutsideSlide, match=r"16 of 25 .*'A1' \(130 x 140.*full-resolution"):
        open_section(folder)


def test_the_image_must_be_one_and_whole(folder: Path):
    shutil.copyfile(folder / "HE.png", folder / "overlay.png")
    with pytest.raises(SlideNotFound, match=r"found: HE\.png \(240 x 260 px\), overlay\.png"):
        open_section(folder)
    assert open_section(folder, image=folder / "HE.png").slide.width == 240
    (folder / "overlay.png").unlink()
    (folder / "HE.png").write_bytes((folder / "HE.png").read_bytes()[:40])
    with pytest.raises(SlideUnreadable, match=r"HE\.png"):
        open_section(folder)
    (folder / "HE.png").unlink()
    with pytest.raises(SlideNotFound, match="found: none"):
        open_section(folder)
    with pytest.raises(OptionError, match="must be a positive number"):
        open_section(folder, image=_image(folder), mpp=-1)


def _image(folder: Path) -> Path:
    path = folder / "HE.png"
    Image.new("RGB", (240, 260)).save(path)
    return path


@pytest.fixture(scope="module")
def real(data_dir: Path) -> dict[str, Section]:
    """Two sections of HER2ST."""
    return {name: open_section(data_dir / "her2st" / name) for name in ("C3", "C5")}


def test_real_sections_have_the_scale_of_their_readme(data_dir: Path, real: dict[str, Section]):
    for name, section in real.items():
        about = json.loads((data_dir / "her2st" / name / "meta.json").read_text())
        assert (section.slide.width, section.slide.height) == (about["width"], about["height"])
        # mpp is stated to three digits.
        assert section.slide.mpp == pytest.approx(about["mpp"], rel=1e-3)
        assert section.slide.mpp_source == "spot pitch"


def test_counts_of_real_sections_follow_their_tissue(real: dict[str, Section]):
    for name, stated in (("C3", 0.65), ("C5", 0.54)):
        here = dye_and_depth(real[name], (0, 0))
        # The README of each section states it to two digits, for discs where these are squares.
        assert here == pytest.approx(stated, abs=0.02)
        elsewhere = [dye_and_depth(real[name], shift) for shift in ((300, 300), (-300, 300))]
        assert here > max(elsewhere) + 0.2


def dye_and_depth(section: Section, shift: tuple[int, int]) -> float:
    """Rank correlation of haematoxylin beside the spots, by pixels, with their molecules."""
    depth = np.asarray(section.spots.X.sum(axis=1)).ravel()
    corners = (positions(section.spots) + shift).astype(int) - 72
    regions = [section.slide.read_region(x, y, 144, 144) for x, y in corners]
    return float(spearmanr([rgb2hed(r)[..., 0].mean() for r in regions], depth)[0])


def test_drawn_regions_are_filled_with_a_grid_of_the_open_slide(tmp_path: Path):
    slide = Slide.from_array(np.full((1000, 1000, 3), 200, np.uint8), mpp=1.0)
    square = [[100, 100], [500, 100], [500, 500], [100, 500], [100, 100]]
    drawn = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [square]},
        "properties": {"objectType": "annotation", "classification": {"name": "Tumour"}},
    }
    path = tmp_path / "regions.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [drawn]}))
    grid = section_on(slide, path, pitch_um=50).spots
    assert 50 < grid.n_obs < 90  # 400 um a side; a hexagonal grid has 1.15 spots for 50 x 50 um
    assert ((positions(grid) >= 100) & (positions(grid) <= 500)).all()
    assert set(grid.obs["annotation"]) == {"Tumour"}


def test_spots_beside_an_open_slide_are_refused(folder: Path):
    with pytest.raises(SpotsOutsideSlide):
        section_on(Slide.from_array(np.zeros((50, 50, 3), np.uint8)), folder)


def test_sections_are_told_apart_without_comparing_their_tables():
    one, other = (generate_section("a", seed=0, size_px=600) for _ in range(2))
    assert one in [other, one]
    assert one not in [other]
