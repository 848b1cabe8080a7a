"""Molecules of a Xenium run are counted in the squares of a grid."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import sparse

from napari_stem.errors import OptionError, SpotsError, SpotsNotFound, SpotsOutsideSlide
from napari_stem.io import read_spots
from napari_stem.sections.section import open_section, section_on
from napari_stem.slides.slide import open_slide
from napari_stem.spots.notes import notes_of
from napari_stem.spots.source import source_of
from napari_stem.spots.table import mpp_from_pitch, positions

NAMES = ["EPCAM", "CD3E", "NegControlProbe_00042", "UnassignedCodeword_0001"]


def molecules(n: int = 3000) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "transcript_id": np.arange(n, dtype=np.uint64),
            "feature_name": random.choice(NAMES, n),
            "x_location": random.uniform(0, 400, n).astype(np.float32),
            "y_location": random.uniform(0, 300, n).astype(np.float32),
            "qv": random.uniform(0, 40, n).astype(np.float32),
        }
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "output-XETG"
    folder.mkdir()
    molecules().to_parquet(folder / "transcripts.parquet")
    (folder / "experiment.xenium").write_text(json.dumps({"pixel_size": 0.25}))
    return folder


def test_squares_count_the_molecules_of_quality(run: Path):
    spots = read_spots(run, bin_um=50)
    assert set(spots.var_names) == set(NAMES[:2])
    good = molecules().query("qv >= 20 and feature_name in ['EPCAM', 'CD3E']")
    x, y = (good[f"{axis}_location"] // 50 for axis in "xy")
    for (column, row, gene), count in good.groupby([x, y, good["feature_name"]]).size().items():
        assert spots[f"{column:.0f}x{row:.0f}", gene].X.toarray().item() == count
    assert spots.X.sum() == len(good)


def test_places_are_pixels_of_xenium_s_image_without_an_alignment(run: Path):
    spots = read_spots(run)
    np.testing.assert_allclose(positions(spots[["0x0", "3x2"]]), [[200, 200], [1400, 1000]])
    assert mpp_from_pitch(spots, 100) == pytest.approx(0.25)
    assert source_of(spots).mpp == pytest.approx(0.25)
    assert "no alignment of the H&E image" in notes_of(spots)[0]


def test_an_alignment_puts_squares_on_the_h_and_e_image(run: Path):
    # The image is half as fine, turned by a right angle and shifted.
    to_morphology = np.array([[0, -2, 900], [2, 0, 100], [0, 0, 1.0]])
    np.savetxt(run / "run_he_imagealignment.csv", to_morphology, delimiter=",")
    spots = read_spots(run)
    x, y = positions(spots["0x0"])[0]
    np.testing.assert_allclose(to_morphology @ [x, y, 1], [200, 200, 1])
    assert source_of(spots).mpp == pytest.approx(0.5)
    assert mpp_from_pitch(spots, 100) == pytest.approx(0.5)


def test_squares_beside_the_slide_are_left_out(run: Path, tmp_path: Path):
    Image.new("RGB", (800, 5000)).save(tmp_path / "he.png")
    with (section := open_section(run, image=tmp_path / "he.png")).slide as slide:
        assert slide.mpp == pytest.approx(0.25)
        assert set(section.spots.obs_names) == {f"{x}x{y}" for x in range(2) for y in range(3)}
    Image.new("RGB", (80, 50)).save(tmp_path / "he.png")
    with pytest.raises(SpotsOutsideSlide, match="12 of 12 spots"):
        open_section(run, image=tmp_path / "he.png")


def test_an_open_slide_takes_the_same_squares_and_their_scale(run: Path, tmp_path: Path):
    Image.new("RGB", (700, 1000), "white").save(tmp_path / "he.png")
    section = open_section(run, image=tmp_path / "he.png")
    with section.slide, open_slide(tmp_path / "he.png") as he:
        there = section_on(he, run)
        assert list(there.spots.obs_names) == list(section.spots.obs_names)
        assert there.slide.mpp == pytest.approx(0.25)
        assert section_on(he.with_mpp(0.5), run).slide.mpp == 0.5


def test_cells_are_counted_whole_where_there_are_no_molecules(run: Path):
    (run / "transcripts.parquet").unlink()
    places = pd.DataFrame(
        {"cell_id": ["a-1", "b-1", "c-1"], "x_centroid": [10.0, 90, 110], "y_centroid": [5.0] * 3}
    )
    places.to_parquet(run / "cells.parquet")
    with pytest.raises(SpotsNotFound, match=r"neither transcripts\.parquet nor"):
        read_spots(run)
    matrix = sparse.csr_matrix(np.array([[7, 0], [1, 2], [0, 4]], dtype=np.int32))
    with h5py.File(run / "cell_feature_matrix.h5", "w") as file:
        group = file.create_group("matrix")
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(matrix, name)
        group["shape"] = np.array(matrix.shape[::-1])
        group["barcodes"] = np.array([b"c-1", b"a-1", b"b-1"])
        group["features/id"], group["features/name"] = [b"E1", b"E2"], [b"EPCAM", b"CD3E"]
        group["features/feature_type"] = [b"Gene Expression"] * 2
    spots = read_spots(run)
    np.testing.assert_array_equal(spots.to_df().loc["0x0", ["EPCAM", "CD3E"]], [1, 6])
    np.testing.assert_array_equal(spots.to_df().loc["1x0", ["EPCAM", "CD3E"]], [7, 0])


def test_unusable_runs_are_refused_by_file_and_field(run: Path):
    with pytest.raises(OptionError, match=r"bin size is 0\.5 µm"):
        read_spots(run, bin_um=0.5)
    (run / "experiment.xenium").write_text('{"pixel_size": 0}')
    with pytest.raises(SpotsError, match=r"pixel_size is 0\.0; .*experiment\.xenium'"):
        read_spots(run)
    (run / "experiment.xenium").unlink()
    (run / "imagealignment.csv").write_text("1,0\n0,1\n")
    with pytest.raises(SpotsError, match=r"3 x 3 matrix .*imagealignment\.csv'"):
        read_spots(run)
    molecules().assign(qv=3).to_parquet(run / "transcripts.parquet")
    with pytest.raises(SpotsError, match="No transcript has a quality"):
        read_spots(run)
    molecules().assign(x_location=np.inf).to_parquet(run / "transcripts.parquet")
    with pytest.raises(SpotsError, match=r"x_location and y_location in '.*transcripts\.parquet'"):
        read_spots(run)
    molecules().drop(columns="qv").to_parquet(run / "transcripts.parquet")
    with pytest.raises(SpotsError, match=r"columns qv are missing.*transcripts\.parquet'"):
        read_spots(run)
