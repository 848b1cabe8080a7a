"""Public objects: one line each, closed by `with`, sent to other processes."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile

import napari_stem as stem
from napari_stem.errors import SpotsError, StorageError
from napari_stem.io.preview import slide_of


def test_a_public_object_is_one_line(names: dict[str, Any], trained: Any):
    point = stem.inspect(names["slide"], (600, 600), names["checkpoint"], n_draws=4)
    many = stem.predict(names["sections"][0], None, names["checkpoint"], n_draws=4)
    clusters = stem.find_clusters(many)
    for shown in (
        names["slide"], names["sections"][0], names["recipe"], names["checkpoint"], trained,
        trained.evaluation, point, clusters,
    ):  # fmt: skip
        assert "\n" not in repr(shown)
        assert len(repr(shown)) < 200, repr(shown)
        assert type(shown).__name__ in repr(shown)


@pytest.mark.parametrize("of_file", [True, False])
def test_a_slide_reads_the_same_in_another_process(
    names: dict[str, Any], of_file: bool, monkeypatch: pytest.MonkeyPatch
):
    slide = stem.open_slide(names["image"], mpp=0.4) if of_file else names["slide"]
    monkeypatch.setattr(slide, "name", "mine")  # other tests know it by its own
    again = pickle.loads(pickle.dumps(slide))
    told = [(s.name, s.mpp, s.mpp_source, s.fingerprint) for s in (again, slide)]
    assert told[0] == told[1]
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = pool.submit(type(slide).read_region, slide, 100, 200, 30, 20).result()
    np.testing.assert_array_equal(there, slide.read_region(100, 200, 30, 20))


def test_what_a_verb_opens_of_a_path_is_closed_when_it_ends(names: dict[str, Any]):
    path = names["folder"] / "he.tif"
    image = names["slide"].read_region(0, 0, 1200, 1200)
    tifffile.imwrite(path, image, tile=(256, 256), photometric="rgb")
    slide = stem.open_slide(path, mpp=0.5)
    stem.embed(slide, names["spots"], cache=False)
    assert slide.read_region(0, 0, 4, 4).shape == (4, 4, 3)  # the caller's own stays open
    slide.close()
    with pytest.raises(stem.StemError, match="micrometres per pixel"):
        stem.embed(path, names["spots"], cache=False)
    assert str(path) not in {file.path for file in psutil.Process().open_files()}


def test_a_preview_looks_the_same_in_another_process(names: dict[str, Any]):
    whole = names["prediction"].copy()
    whole.uns["napari_stem"]["slide_path"] = ""
    (entry,) = whole.uns["spatial"].values()
    entry["images"]["hires"] = entry["images"]["hires"][::2, ::2]
    entry["scalefactors"]["tissue_hires_scalef"] /= 2
    preview = slide_of(whole, names["folder"])
    again = pickle.loads(pickle.dumps(preview))
    np.testing.assert_array_equal(again.levels[0][100:103, 5:9], preview.levels[0][100:103, 5:9])
    assert again.mpp == preview.mpp


def test_a_section_closes_its_slide(names: dict[str, Any]):
    folder = names["folder"]
    with stem.read_section(names["table"], image=names["image"], mpp=0.5) as section:
        assert section.spots.n_obs == 4
        assert section.slide.path == folder / "he.png"


def test_draws_are_those_of_the_prediction_alone(names: dict[str, Any]):
    few = names["prediction"]
    more = stem.predict(names["slide"], names["spots"], names["checkpoint"], n_draws=8)
    assert stem.draws_of(few).shape == (4, *few.shape)  # though the cache now holds eight
    np.testing.assert_allclose(stem.draws_of(more).mean(axis=0), more.X, atol=2e-3)


@pytest.mark.parametrize("part", [np.s_[1:], np.s_[::-1], np.s_[:, :3], np.s_[:, ::-1]])
def test_a_part_or_another_order_has_no_draws(names: dict[str, Any], part: Any):
    with pytest.raises(SpotsError, match="Take the draws of the whole prediction"):
        stem.draws_of(names["prediction"][part])


def test_draws_that_were_never_made_are_told(names: dict[str, Any]):
    prediction = names["prediction"].copy()
    prediction.uns["napari_stem"]["n_draws"] = 9  # as if a continuation had been stopped
    with pytest.raises(StorageError, match="Some of the 9 draws of this prediction are missing"):
        stem.draws_of(prediction)


def test_a_prediction_of_another_picture_opens_again_on_that_picture(names: dict[str, Any]):
    path = names["folder"] / "two.ome.tif"
    image = names["slide"].read_region(0, 0, 1200, 1200)
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for picture in (255 - image, image):
            tiff.write(picture, photometric="rgb", tile=(256, 256), metadata={"axes": "YXS"})
    with stem.open_slide(path, mpp=0.5, picture=1) as slide:
        prediction = stem.predict(slide, names["spots"], names["checkpoint"], n_draws=4)
    np.testing.assert_allclose(prediction.X, names["prediction"].X, atol=2e-3)
    with slide_of(prediction, names["folder"]) as slide:
        assert slide.picture == 1
        np.testing.assert_array_equal(slide.read_region(0, 0, 1200, 1200), image)
