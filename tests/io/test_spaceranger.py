"""Space Ranger's folders of every version become spot tables."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from PIL import Image

from napari_stem.errors import (
    CountsError,
    OptionError,
    SlideNotFound,
    SpotsContradictSlide,
    SpotsError,
    SpotsNotFound,
)
from napari_stem.io import is_spot_source, read_spots
from napari_stem.sections.section import open_section
from napari_stem.spots.notes import notes_of
from napari_stem.spots.source import source_of
from napari_stem.spots.table import library, mpp_from_pitch, positions, spot_diameter
from napari_stem.training.plan import SectionSource

from .visium_writers import COLUMNS, PITCH, places, write_h5, write_hd, write_mtx, write_run


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("kind", ["filtered", "raw"])
@pytest.mark.parametrize("form", [write_h5, write_mtx])
def test_spots_inside_the_tissue_are_read(tmp_path: Path, version, kind, form):
    matrix = write_run(tmp_path / "P1" / "outs", version=version, kind=kind, form=form)
    spots = read_spots(tmp_path / "P1")
    inside = places().iloc[1:]
    assert list(spots.obs_names) == list(inside["barcode"])
    np.testing.assert_array_equal(
        positions(spots), inside[["pxl_col_in_fullres", "pxl_row_in_fullres"]]
    )
    assert list(spots.var_names) == ["FASN", "TBCE", "TBCE-1"]
    assert list(spots.var["gene_ids"]) == ["ENSG1", "ENSG2", "ENSG3"]
    np.testing.assert_array_equal(spots.X.toarray(), matrix[1:, :3].toarray())
    np.testing.assert_array_equal(spots.obs["array_col"], inside["array_col"])
    assert (library(spots), spot_diameter(spots)) == ("P1", 26)
    factors = spots.uns["spatial"]["P1"]["scalefactors"]
    assert factors["tissue_hires_scalef"] == 0.5
    assert source_of(spots).format.startswith(f"Visium, Space Ranger {version}")


@pytest.mark.parametrize("version", [1, 2])
def test_packed_places_and_scale_factors_are_read(tmp_path: Path, version: int):
    write_run(tmp_path / "outs", version=version)
    plain = read_spots(tmp_path / "outs")
    for path in list((tmp_path / "outs" / "spatial").iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = read_spots(tmp_path / "outs")
    np.testing.assert_array_equal(positions(packed), positions(plain))
    assert source_of(packed) == source_of(plain)


def test_the_order_of_the_matrix_does_not_matter(tmp_path: Path):
    matrix = write_run(tmp_path / "outs")
    order = np.random.default_rng(0).permutation(19)
    barcodes = places()["barcode"].to_numpy()[1:]
    write_h5(
        tmp_path / "outs/filtered_feature_bc_matrix.h5", matrix[1:][order], list(barcodes[order])
    )
    np.testing.assert_array_equal(
        read_spots(tmp_path / "outs").X.toarray(), matrix[1:, :3].toarray()
    )


def test_a_run_without_a_matrix_gives_places(tmp_path: Path):
    write_run(tmp_path / "outs")
    (tmp_path / "outs/filtered_feature_bc_matrix.h5").unlink()
    assert read_spots(tmp_path / "outs").shape == (19, 0)


def test_the_scale_follows_from_the_pitch_and_not_from_the_diameter(tmp_path: Path):
    write_run(tmp_path / "P1" / "outs")
    Image.new("RGB", (300, 200)).save(tmp_path / "P1" / "tissue_image.tif")
    section = open_section(tmp_path / "P1")
    with section.slide as slide:
        assert section.name == slide.name == "P1"
        # Whole pixels bend the rows' distance by up to half a pixel.
        assert slide.mpp == pytest.approx(100 / PITCH, rel=0.01)
        assert slide.mpp_source == "spot pitch"


def test_the_slide_is_looked_for_beside_and_can_be_named(tmp_path: Path):
    write_run(tmp_path / "P1" / "outs")
    for name in ("tissue_hires_image.png", "aligned_fiducials.jpg", "cytassist_image.tiff"):
        Image.new("RGB", (150, 100)).save(tmp_path / "P1/outs/spatial" / name)
    with pytest.raises(SlideNotFound, match="found: none"):
        open_section(tmp_path / "P1" / "outs")
    Image.new("RGB", (300, 200)).save(tmp_path / "slide.png")
    named = open_section(tmp_path / "P1" / "outs", image=tmp_path / "slide.png")
    assert (named.name, named.slide.width) == ("P1", 300)
    assert SectionSource(str(tmp_path / "P1" / "outs")).name == "P1"
    assert source_of(named.spots).format == "Visium CytAssist"
    (tmp_path / "P1" / "images").mkdir()
    for name in ("a.tif", "b.tif"):
        Image.new("RGB", (300, 200)).save(tmp_path / "P1" / "images" / name)
    with pytest.raises(SlideNotFound, match=r"found: a\.tif \(300 x 200 px\), b\.tif"):
        open_section(tmp_path / "P1")


def test_the_small_picture_is_taken_at_its_own_scale(tmp_path: Path):
    write_run(tmp_path / "P1" / "outs")
    picture = tmp_path / "P1/outs/spatial/tissue_hires_image.png"
    Image.new("RGB", (150, 100)).save(picture)
    section = open_section(tmp_path / "P1", image=picture)
    full = read_spots(tmp_path / "P1")
    np.testing.assert_allclose(positions(section.spots), positions(full) / 2)
    assert spot_diameter(section.spots) == 13
    assert section.slide.mpp == pytest.approx(2 * 100 / PITCH, rel=0.01)
    assert "tissue_hires_image.png" in notes_of(section.spots)[0]


def test_pictures_of_cytassist_are_known_as_what_they_are(tmp_path: Path):
    write_run(tmp_path / "P1" / "outs", scale={"regist_target_img_scalef": 0.8})
    spatial = tmp_path / "P1/outs/spatial"
    Image.new("RGB", (150, 100)).save(spatial / "tissue_hires_image.png")
    Image.new("RGB", (240, 160)).save(tmp_path / "registered.png")
    Image.new("RGB", (190, 190)).save(spatial / "cytassist_image.tiff")
    spots = read_spots(tmp_path / "P1")
    assert source_of(spots).format == "Visium CytAssist"
    assert "without its microscope image" in notes_of(spots)[0]
    with pytest.raises(SlideNotFound, match="found: none"):
        open_section(tmp_path / "P1")
    with open_section(tmp_path / "P1", image=tmp_path / "registered.png") as section:
        np.testing.assert_allclose(positions(section.spots), 0.8 * positions(spots))
        assert any("regist_target_img_scalef = 0.8" in note for note in section.notes)
    with pytest.raises(SpotsContradictSlide, match=r"190 x 190 px.*300 x 200 px.*drew or took"):
        open_section(tmp_path / "P1", image=spatial / "cytassist_image.tiff")


def test_bins_of_visium_hd_are_chosen_by_size(tmp_path: Path):
    write_hd(tmp_path / "HD" / "outs", 2, 8, 16)
    root = tmp_path / "HD" / "outs"
    for path in (tmp_path / "HD", root, root / "binned_outputs"):
        assert source_of(read_spots(path)).format == "Visium HD, 16 µm bins"
    eight = read_spots(root, bin_um=8)
    assert source_of(eight).format == "Visium HD, 8 µm bins"
    assert mpp_from_pitch(eight, 8) == pytest.approx(0.27)
    assert library(eight) == "HD"
    assert read_spots(root / "binned_outputs" / "square_008um").n_obs == 19
    with pytest.raises(SpotsNotFound, match=r"no bins of 24 µm\. Available: 2, 8, 16 µm"):
        read_spots(root, bin_um=24)


def test_a_table_remembers_which_bins_there_are(tmp_path: Path):
    root = tmp_path / "HD" / "outs"
    write_hd(root, 2, 8, 16)
    for size in (None, 8, 16):
        source = source_of(read_spots(root, bin_um=size))
        assert (source.bins, source.folder) == ((8, 16), root)
    spots = read_spots(root)
    spots.write_h5ad(tmp_path / "again.h5ad")
    assert source_of(read_spots(tmp_path / "again.h5ad")) == source_of(spots)
    assert not source_of(read_spots(root / "binned_outputs" / "square_008um")).bins
    shutil.rmtree(root / "binned_outputs" / "square_008um")
    assert source_of(read_spots(root)).bins == ()


def test_bins_of_two_micrometres_must_be_asked_for(tmp_path: Path):
    write_hd(tmp_path, 2, 16)
    fine = tmp_path / "binned_outputs" / "square_002um"
    with pytest.raises(OptionError, match=r"square_008um or square_016um, .* bins of 2 µm"):
        read_spots(fine)
    assert read_spots(fine, bin_um=2).n_obs == read_spots(tmp_path, bin_um=2).n_obs == 19


def test_only_formats_with_bins_take_a_size(tmp_path: Path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,4\n")
    with pytest.raises(OptionError, match="Only Visium HD, Xenium and SpatialData"):
        read_spots(tmp_path / "a.csv", bin_um=8)
    write_run(tmp_path / "V1" / "outs")
    with pytest.raises(OptionError, match=r"without bins.*V1'"):
        read_spots(tmp_path / "V1", bin_um=8)


def test_a_named_size_of_bin_is_not_overruled_and_an_archive_is_no_bin(tmp_path: Path):
    write_hd(tmp_path, 8, 16)
    (tmp_path / "binned_outputs" / "square_024um.tar.gz").touch()
    (tmp_path / "binned_outputs" / "square_032um").touch()
    assert source_of(read_spots(tmp_path)).format == "Visium HD, 16 µm bins"
    with pytest.raises(OptionError, match=r"has bins of 16 µm, not of 8 µm.*square_016um'"):
        read_spots(tmp_path / "binned_outputs" / "square_016um", bin_um=8)


def edit(path: str, text: str) -> Callable[[Path], None]:
    return lambda outs: (outs / path).write_text(text) and None  # type: ignore[func-returns-value]


def spoil_h5(name: str, value: object) -> Callable[[Path], None]:
    def spoil(outs: Path) -> None:
        with h5py.File(outs / "filtered_feature_bc_matrix.h5", "r+") as file:
            del file[name]
            if value is not None:
                file[name] = value

    return spoil


POSITIONS = "spatial/tissue_positions.csv"
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "scale factors": (edit("spatial/scalefactors_json.json", "{"), "scalefactors_json.json"),
    "no diameter": (
        edit("spatial/scalefactors_json.json", "{}"),
        "spot_diameter_fullres, .* is missing",
    ),
    "columns": (
        edit(POSITIONS, "barcode,x\na,1\n"),
        r"columns in_tissue.* are missing.*positions\.csv'",
    ),
    "no header": (edit(POSITIONS, "a,1\n"), r"has 2 columns.*positions\.csv'"),
    "text": (
        edit(POSITIONS, ",".join(COLUMNS) + "\na,1,0,0,?,3\n"),
        r"numbers in spot 1\. .*positions\.csv'",
    ),
    "outside": (edit(POSITIONS, ",".join(COLUMNS) + "\na,0,0,0,2,3\n"), "No spot is inside"),
    "other run": (edit(POSITIONS, ",".join(COLUMNS) + "\na,1,0,0,2,3\n"), "to the same run"),
    "no indptr": (
        spoil_h5("matrix/indptr", None),
        r"could not be read as a 10x matrix.*matrix\.h5'",
    ),
    "indices": (spoil_h5("matrix/indices", np.full(3, 9)), "contradict each other"),
    "wild indptr": (spoil_h5("matrix/indptr", np.arange(20) - 5), "contradict each other"),
    "names": (spoil_h5("matrix/barcodes", np.array([b"a"])), "but the file names 1 barcodes"),
    "no genes": (
        spoil_h5("matrix/features/feature_type", np.array([b"Antibody Capture"] * 4)),
        "no feature of the type",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
def test_damaged_runs_are_refused_by_file_and_field(tmp_path: Path, spoil, message: str):
    write_run(tmp_path / "outs")
    spoil(tmp_path / "outs")
    with pytest.raises(SpotsError, match=message):
        read_spots(tmp_path / "outs")


def test_a_matrix_that_claims_more_than_it_stores_is_refused(tmp_path: Path):
    write_run(tmp_path / "outs")
    with h5py.File(tmp_path / "outs/filtered_feature_bc_matrix.h5", "r+") as file:
        del file["matrix/data"]
        file.create_dataset("matrix/data", (1 << 33,), "i4", compression="gzip")
    with pytest.raises(SpotsError, match=r"matrix/data in .*matrix\.h5' declares 34,360 MB"):
        read_spots(tmp_path / "outs")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("4 19 9000000000", "declares 45,000 MB"),
        ("4 19 7", "declares 7 counts"),
        ("2 19 3", "lies outside the matrix"),
        ("-4 19 3", "is impossible"),
        ("4 19", "could not be read as a Matrix Market file"),
    ],
)
def test_a_matrix_market_header_is_not_believed(tmp_path: Path, header: str, message: str):
    write_run(tmp_path / "outs", form=write_mtx)
    folder = tmp_path / "outs" / "filtered_feature_bc_matrix"
    (folder / "matrix.mtx.gz").unlink()
    text = f"%%MatrixMarket matrix coordinate integer general\n%\n{header}\n1 1 2\n2 1 1\n4 3 5\n"
    (folder / "matrix.mtx").write_text(text)
    with pytest.raises(CountsError if "declares" not in message else SpotsError, match=message):
        read_spots(tmp_path / "outs")


def test_a_real_run_of_version_1_equals_scanpy_s_reading(data_dir: Path):
    folder = data_dir / "visium" / "scanpy_fixture"
    assert is_spot_source(folder)
    spots = read_spots(folder)
    expected = sc.read_10x_h5(folder / "filtered_feature_bc_matrix.h5")[spots.obs_names]
    np.testing.assert_array_equal(spots.X.toarray(), expected.X.toarray())
    assert list(spots.var_names) == list(expected.var_names)
    where = pd.read_csv(folder / "spatial/tissue_positions_list.csv", header=None, index_col=0)
    np.testing.assert_array_equal(positions(spots), where.loc[spots.obs_names, [5, 4]])
    assert spots.uns["not_counted"] == 4235 - spots.n_obs  # in the tissue, by its README
    # 0.730 by its README, from nearest neighbours in whole pixels.
    assert mpp_from_pitch(spots, 100) == pytest.approx(0.727, rel=5e-3)


def test_real_raw_matrices_give_the_spots_inside_the_tissue(data_dir: Path, tmp_path: Path):
    run = data_dir / "visium" / "VisiumIO" / "10xVisium" / "section1"
    spots = read_spots(run)
    assert (spots.n_obs, spots.n_vars, library(spots)) == (22, 49, "section1")
    shutil.copytree(run, tmp_path / "section1")
    (tmp_path / "section1/outs/raw_feature_bc_matrix.h5").unlink()
    for path in (folder := tmp_path / "section1/outs/raw_feature_bc_matrix").iterdir():
        path.write_bytes(gzip.compress(path.read_bytes()))
        path.rename(f"{path}.gz")
    packed = read_spots(tmp_path / "section1")
    expected = sc.read_10x_mtx(folder)[packed.obs_names]
    np.testing.assert_array_equal(packed.X.toarray(), expected.X.toarray())
    assert list(packed.var_names) == list(expected.var_names)


def test_a_real_visium_hd_folder_is_read(data_dir: Path):
    folder = data_dir / "visium" / "VisiumIO" / "binned_outputs" / "square_002um"
    spots = read_spots(folder, bin_um=2)
    assert spots.shape == (10, 10)
    # The scale that the file states, though ten scattered bins of 2 um are all there is.
    stated = json.loads((folder / "spatial/scalefactors_json.json").read_text())
    assert mpp_from_pitch(spots, 2) == pytest.approx(stated["microns_per_pixel"], rel=2e-3)
