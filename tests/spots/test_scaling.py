"""Spots on a reduced picture of their slide are recognised, and moved there on demand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from PIL import Image

from napari_stem.errors import OptionError, SpotsOutsideSlide
from napari_stem.io import read_spots
from napari_stem.sections.section import open_section, section_on
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots.notes import notes_of
from napari_stem.spots.scaling import scale_spots
from napari_stem.spots.table import (
    check_spots,
    library,
    pitch,
    positions,
    spot_diameter,
    spot_table,
)

from ..io.visium_writers import write_run


@pytest.fixture(scope="module")
def visium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Space Ranger's folder of pictures, of a slide of 240 x 170 pixels."""
    outs = tmp_path_factory.mktemp("run") / "outs"
    scale = {"hires": 0.5, "lowres": 0.15}
    write_run(outs, version=1, scale={f"tissue_{kind}_scalef": scale[kind] for kind in scale})
    for kind, factor in scale.items():
        size = (round(240 * factor), round(170 * factor))
        Image.new("RGB", size, "white").save(outs / "spatial" / f"tissue_{kind}_image.png")
    return outs / "spatial"


@pytest.fixture
def spots(visium: Path) -> AnnData:
    """Spots in full-resolution pixels, with Space Ranger's scale factors."""
    places = pd.read_csv(visium / "tissue_positions_list.csv", header=None)
    places = places[places[1] == 1]  # in the tissue
    factors = json.loads((visium / "scalefactors_json.json").read_text())
    table = spot_table(
        places[[5, 4]].to_numpy(), diameter_px=factors["spot_diameter_fullres"], library="brain"
    )
    table.uns["spatial"]["brain"]["scalefactors"] = factors
    return table


@pytest.mark.parametrize("kind", ["hires", "lowres"])
def test_a_picture_of_space_ranger_is_named_by_its_scale_factor(
    visium: Path, spots: AnnData, kind: str, tmp_path: Path
):
    factor = spots.uns["spatial"]["brain"]["scalefactors"][f"tissue_{kind}_scalef"]
    with open_slide(visium / f"tissue_{kind}_image.png") as picture:
        with pytest.raises(SpotsOutsideSlide, match=rf"tissue_{kind}_scalef = .*full-resolution"):
            check_spots(spots, picture)
        spots.write_h5ad(tmp_path / "spots.h5ad")
        moved = section_on(picture, tmp_path / "spots.h5ad").spots
        check_spots(moved, picture)
    note = f"coordinates scaled to the smaller image tissue_{kind}_image.png (tissue_{kind}_scalef"
    assert notes_of(moved)[0].startswith(note)
    np.testing.assert_allclose(positions(moved), positions(spots) * factor)
    assert spot_diameter(moved) == pytest.approx(spot_diameter(spots) * factor)
    assert pitch(moved) == pytest.approx(pitch(spots) * factor)
    factors = moved.uns["spatial"]["brain"]["scalefactors"]
    assert factors[f"tissue_{kind}_scalef"] == pytest.approx(1)


def test_a_reduced_picture_under_another_name_is_refused_with_its_factor(
    visium: Path, spots: AnnData, tmp_path: Path
):
    spots.write_h5ad(tmp_path / "spots.h5ad")
    for kind in ("lowres", "hires"):  # at the factor of "lowres", spots would lie on either
        image = tmp_path / "brain.png"
        image.write_bytes((visium / f"tissue_{kind}_image.png").read_bytes())
        with pytest.raises(SpotsOutsideSlide, match="tissue_lowres_scalef"):
            open_section(tmp_path / "spots.h5ad", image=image)


def test_a_reduced_picture_under_another_name_is_known_by_its_size(visium: Path, tmp_path: Path):
    spots = read_spots(visium.parent)
    factors = spots.uns["spatial"][library(spots)]["scalefactors"]
    for kind in ("lowres", "hires"):
        image = tmp_path / f"{kind}.png"
        image.write_bytes((visium / f"tissue_{kind}_image.png").read_bytes())
        with open_section(visium.parent, image=image) as section:
            np.testing.assert_allclose(
                positions(section.spots), positions(spots) * factors[f"tissue_{kind}_scalef"]
            )


def test_another_picture_fits_no_scale_factor(spots: AnnData):
    small = Slide.from_array(np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(SpotsOutsideSlide, match="Check that this is the full-resolution image"):
        check_spots(spots, small)


def test_scaling_leaves_the_given_table_as_it_was(spots: AnnData):
    before = positions(spots).copy()
    twice = scale_spots(scale_spots(spots, 0.25), 4)
    np.testing.assert_allclose(positions(twice), before)
    np.testing.assert_array_equal(positions(spots), before)
    assert spot_diameter(twice) == pytest.approx(spot_diameter(spots))
    for nonsense in (0, -1, np.nan, np.inf):
        with pytest.raises(OptionError, match="scale factor of the spots is"):
            scale_spots(spots, nonsense)
