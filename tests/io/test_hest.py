"""Data sets in HEST's layout: spots, slide and scale belong together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_stem.errors import SpotsError, SpotsNotFound
from napari_stem.io import find_sections, read_spots
from napari_stem.sections.section import open_section
from napari_stem.spots.source import source_of
from napari_stem.spots.table import spot_table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One section of 16 spots."""
    for folder in ("st", "wsis", "metadata"):
        (tmp_path / folder).mkdir()
    write(tmp_path, "MEND145")
    return tmp_path


def write(root: Path, name: str) -> None:
    xy = np.stack(np.meshgrid(np.arange(4), np.arange(4)), -1).reshape(-1, 2) * 50.0 + 20
    counts = np.ones((16, 2), np.float32)
    table = spot_table(xy, diameter_px=28, counts=counts, genes=["A", "B"], library="ST")
    table.write_h5ad(root / "st" / f"{name}.h5ad")
    Image.new("RGB", (220, 220)).save(root / "wsis" / f"{name}.tif")
    about = {"pixel_size_um_estimated": 2.0, "pixel_size_um_embedded": 1.1}
    about |= {"st_technology": "Visium", "inter_spot_dist": 100.0}
    (root / "metadata" / f"{name}.json").write_text(json.dumps(about))


@pytest.mark.parametrize("part", ["", "st/MEND145.h5ad"])
def test_a_section_is_opened_with_its_slide_at_the_estimated_scale(root: Path, part: str):
    section = open_section(root / part)
    with section.slide as slide:
        assert slide.path == root / "wsis" / "MEND145.tif"
        assert (slide.mpp, slide.mpp_source) == (2.0, "HEST, Visium")
    assert section.spots.shape == (16, 2)
    assert source_of(section.spots).pitch_um == 100


def test_a_table_written_again_remembers_its_source(root: Path, tmp_path: Path):
    spots = read_spots(root)
    spots.write_h5ad(tmp_path / "again.h5ad")
    assert source_of(read_spots(tmp_path / "again.h5ad")) == source_of(spots)


def test_a_stated_scale_wins_over_the_metadata(root: Path):
    with open_section(root, mpp=0.5).slide as slide:
        assert slide.mpp == 0.5


def test_one_of_several_sections_must_be_named(root: Path):
    write(root, "MEND146")
    with pytest.raises(SpotsNotFound, match=r"2 sections \(MEND145, MEND146\).*MEND145\.h5ad"):
        read_spots(root)
    assert read_spots(root / "st" / "MEND146.h5ad").n_obs == 16


def test_a_folder_holds_the_sections_of_its_data_sets(root: Path, tmp_path_factory):
    write(root, "MEND146")
    (root / "patches").mkdir()
    tables = [root / "st" / f"{name}.h5ad" for name in ("MEND145", "MEND146")]
    assert find_sections(root) == tables
    assert [read_spots(table).n_obs for table in tables] == [16, 16]
    around = tmp_path_factory.mktemp("downloads")
    root.rename(around / "breast")
    assert find_sections(around) == [around / "breast" / "st" / table.name for table in tables]
    (around / "breast" / "wsis").rename(around / "breast" / "elsewhere")
    assert find_sections(around) == [around]


def test_metadata_may_be_absent_but_not_damaged(root: Path):
    path = root / "metadata" / "MEND145.json"
    path.write_text("[" * 100_000)
    with pytest.raises(SpotsError, match=r"could not be read as JSON.*MEND145\.json'"):
        read_spots(root)
    path.write_text('{"pixel_size_um_estimated": null, "pixel_size_um_embedded": "0.5"}')
    assert source_of(read_spots(root)).mpp is None
    path.unlink()
    assert read_spots(root).n_obs == 16
