"""Which spots lie with an image."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from napari_stem.sections.beside import spots_beside


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_a_folder_with_one_image_has_the_spots_of_it(saved, tmp_path):
    folder = shutil.copytree(saved[0], tmp_path / "section")
    assert spots_beside(folder / "slide.tif") == folder
    put(folder / "other.tif")
    assert spots_beside(folder / "slide.tif") is None


def test_a_data_set_has_spots_by_the_name_of_the_image(tmp_path):
    slide, table = put(tmp_path / "wsis" / "A1.ome.tif"), put(tmp_path / "st" / "A1.h5ad")
    other = put(tmp_path / "wsis" / "A2.tif")
    assert spots_beside(slide) == table
    assert spots_beside(other) is None


@pytest.mark.parametrize("name", ["tissue_hires_image.png", "tissue_lowres_image.png"])
def test_small_pictures_have_the_spots_of_their_folder(tmp_path, name):
    picture = put(tmp_path / "outs" / "spatial" / name)
    put(tmp_path / "outs" / "spatial" / "tissue_positions.csv")
    put(tmp_path / "outs" / "spatial" / "scalefactors_json.json")
    assert spots_beside(picture) == tmp_path / "outs"


def test_an_image_alone_has_none(tmp_path):
    assert spots_beside(put(tmp_path / "slide.svs")) is None
