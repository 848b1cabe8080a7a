"""Sweep: predictions that are opened again, after their file, slide, spots or genes changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from anndata import AnnData, concat

import napari_stem as stem
from napari_stem.errors import SpotsError
from napari_stem.io.preview import PreviewSlide, slide_of
from napari_stem.sections.placing import place
from napari_stem.sections.section import Section, section_on
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.training.train import TrainResult

from .rows import Row, check_refusal, rows

QUICK = {"n_draws": 3, "progress": False}


@pytest.fixture(scope="module")
def made(
    sections: list[Section], trained: TrainResult, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a slide, whose pixels are not compressed, its prediction, and the draws."""
    folder = tmp_path_factory.mktemp("made")
    slide = sections[2].slide
    image = slide.read_region(0, 0, slide.width, slide.height)
    tifffile.imwrite(folder / "HE.tif", image, photometric="rgb", metadata=None)
    with open_slide(folder / "HE.tif", mpp=0.5) as opened:
        found = stem.predict(
            opened, sections[2].spots, trained.checkpoint, cache=folder / "cache", **QUICK
        )
    stem.write_prediction(found, folder / "p.h5ad")
    return folder


def whole(prediction: AnnData) -> AnnData:
    return prediction


def shifted(prediction: AnnData) -> AnnData:
    prediction.obsm["spatial"] = prediction.obsm["spatial"] + 1
    return prediction


def another_gene(prediction: AnnData) -> AnnData:
    prediction.var_names = ["GATA3", *prediction.var_names[1:]]
    return prediction


def doubled(prediction: AnnData) -> AnnData:
    both = concat([prediction, prediction], index_unique="-")
    both.uns = prediction.uns
    return both


def forgotten(*keys: str) -> Callable[[AnnData], AnnData]:
    def change(prediction: AnnData) -> AnnData:
        for key in keys:
            del prediction.uns["napari_stem"][key]
        return prediction

    return change


def more_draws(prediction: AnnData) -> AnnData:
    prediction.uns["napari_stem"]["n_draws"] = 9
    return prediction


EDITED = [
    Row("as it was", whole, (3, 20, 8)),
    Row("shifted", shifted, refused="differ"),
    Row("some spots", lambda p: p[:5].copy(), refused="differ"),
    Row("spots in another order", lambda p: p[::-1].copy(), refused="differ"),
    Row("some genes", lambda p: p[:, :3].copy(), refused="differ"),
    Row("genes in another order", lambda p: p[:, ::-1].copy(), refused="differ"),
    Row("another gene", another_gene, refused="differ"),
    Row("twice", doubled, refused="differ"),
    Row("more draws than there are", more_draws, refused="missing"),
    Row("the name of the draws is gone", forgotten("draws"), refused="differ|draws"),
    Row("their number is gone", forgotten("n_draws"), refused="n_draws|draws"),
]


@rows(EDITED)
def test_draws_are_those_of_the_prediction_or_are_refused(row: Row, made: Path, tmp_path: Path):
    row.make(stem.read_prediction(made / "p.h5ad")).write_h5ad(tmp_path / "p.h5ad")
    edited = stem.read_prediction(tmp_path / "p.h5ad")

    def act() -> Any:
        return stem.draws_of(edited, cache=made / "cache")

    if row.refused:
        check_refusal(row, act)
        return
    draws = act()
    assert draws.shape == (3, edited.n_obs, edited.n_vars)
    np.testing.assert_allclose(draws.mean(0), edited.X, atol=1e-3)


def moved(folder: Path) -> None:
    """The slide lies beside the prediction."""


def painted(folder: Path) -> None:
    """Someone redacted a part of the slide; size and both ends are as they were."""
    with (folder / "HE.tif").open("r+b") as file:
        file.seek((folder / "HE.tif").stat().st_size // 2)
        file.write(bytes(300_000))


def replaced(folder: Path) -> None:
    """Another slide of that name and size."""
    image = tifffile.imread(folder / "HE.tif")
    tifffile.imwrite(folder / "HE.tif", image[::-1], photometric="rgb", metadata=None)


def lost(folder: Path) -> None:
    (folder / "HE.tif").unlink()


def damaged(folder: Path) -> None:
    (folder / "HE.tif").write_bytes(b"II*\0")


SLIDES = [
    Row("moved", moved, True),
    Row("painted", painted, False),
    Row("replaced", replaced, False),
    Row("lost", lost, False),
    Row("damaged", damaged, False),
]


@rows(SLIDES)
def test_the_slide_of_a_prediction_is_its_own_or_a_thumbnail(row: Row, made: Path, tmp_path: Path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(made / "HE.tif", folder)
    prediction = stem.read_prediction(made / "p.h5ad")
    prediction.uns["napari_stem"]["slide_path"] = str(folder / "HE.tif")
    row.make(folder)
    with slide_of(prediction, folder) as slide:
        assert (slide.path is not None) == row.right
        assert slide.mpp == 0.5
        assert (slide.width, slide.height) == (1200, 1200)
        assert isinstance(slide, PreviewSlide) != row.right


ON_OTHER_SLIDES = [
    Row("its own slide", lambda slide, other: slide, True),
    Row("its own slide at another scale", lambda slide, other: slide.with_mpp(0.4), True),
    Row("another slide of the same size", lambda slide, other: other, refused="another slide"),
]


@rows(ON_OTHER_SLIDES)
def test_spots_of_a_prediction_belong_to_its_slide(row: Row, made: Path, sections: list[Section]):
    with open_slide(made / "HE.tif", mpp=0.5) as slide:
        there = row.make(slide, sections[1].slide)
        if row.refused:
            check_refusal(row, lambda: section_on(there, made / "p.h5ad"))
            return
        found, _ = place(stem.read_prediction(made / "p.h5ad"), there)
        np.testing.assert_array_equal(found.obsm["spatial"], sections[2].spots.obsm["spatial"])


NO_PREDICTIONS = [
    Row("spots", lambda p: spots_of(p), refused="prediction"),
    Row("no recipe", forgotten("recipe"), refused="recipe"),
    Row("no coordinates", lambda p: p.obsm.pop("spatial") is None or p, refused="obsm"),
]


def spots_of(prediction: AnnData) -> AnnData:
    del prediction.uns["napari_stem"]
    return prediction


@rows(NO_PREDICTIONS)
def test_what_is_no_prediction_is_refused(row: Row, made: Path, tmp_path: Path):
    row.make(stem.read_prediction(made / "p.h5ad")).write_h5ad(tmp_path / "p.h5ad")
    check_refusal(row, lambda: stem.read_prediction(tmp_path / "p.h5ad"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_draws", -1), ("n_draws", 1e300), ("n_draws", "many"), ("mpp", float("nan")),
        ("mpp", "x"), ("mpp", np.zeros(3)), ("seed", float("inf")), ("slide_picture", -4),
        ("slide", np.zeros(3)), ("notes", 5), ("threshold", float("inf")), ("steps", 0),
        ("versions", "x"),
    ],
)  # fmt: skip
def test_a_damaged_record_of_a_prediction_is_refused_by_its_name(
    name: str, value: object, made: Path, tmp_path: Path
):
    prediction = stem.read_prediction(made / "p.h5ad")
    prediction.uns["napari_stem"][name] = value
    prediction.write_h5ad(tmp_path / "p.h5ad")
    with pytest.raises(SpotsError, match=rf"damaged: {name}.*p\.h5ad"):
        stem.read_prediction(tmp_path / "p.h5ad")


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), "x"])
def test_a_damaged_scale_of_a_prediction_is_refused(value: object, made: Path, tmp_path: Path):
    prediction = stem.read_prediction(made / "p.h5ad")
    (entry,) = prediction.uns["spatial"].values()
    entry["scalefactors"]["tissue_hires_scalef"] = value
    prediction.write_h5ad(tmp_path / "p.h5ad")
    with pytest.raises(SpotsError, match="damaged: tissue_hires_scalef"):
        stem.read_prediction(tmp_path / "p.h5ad")


def without_std(prediction: AnnData) -> None:
    del prediction.layers["std"]


def with_infinity(prediction: AnnData) -> None:
    prediction.X[0, 0] = np.inf


def with_words(prediction: AnnData) -> None:
    prediction.obs["ood"] = "far"


def with_text(prediction: AnnData) -> None:
    (entry,) = prediction.uns["spatial"].values()
    entry["images"]["hires"] = "x"


def with_nothing(prediction: AnnData) -> None:
    (entry,) = prediction.uns["spatial"].values()
    entry["images"]["hires"] = np.zeros((0, 0, 3), np.uint8)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (without_std, "std"), (with_infinity, "X"), (with_words, "ood"),
        (with_text, "hires"), (with_nothing, "hires"),
    ],
)  # fmt: skip
def test_a_prediction_with_damaged_values_is_refused_by_their_name(
    change: Callable[[AnnData], None], named: str, made: Path, tmp_path: Path
):
    prediction = stem.read_prediction(made / "p.h5ad")
    change(prediction)
    prediction.write_h5ad(tmp_path / "p.h5ad")
    with pytest.raises(SpotsError, match=rf"damaged: .*{named}"):
        stem.read_prediction(tmp_path / "p.h5ad")


def test_a_prediction_measured_nothing(made: Path, sections: list[Section], trained: TrainResult):
    with open_slide(made / "HE.tif", mpp=0.5) as slide:
        section = Section("p", slide, stem.read_prediction(made / "p.h5ad"))
        row = Row("", lambda: None, refused="no counts")
        check_refusal(
            row, lambda: stem.evaluate(trained.checkpoint, section, sections[0], cache=False)
        )


def test_fewer_draws_are_the_first_ones(made: Path, sections: list[Section], trained: TrainResult):
    with open_slide(made / "HE.tif", mpp=0.5) as slide:
        fewer = stem.predict(
            slide, sections[2].spots, trained.checkpoint, cache=made / "cache",
            n_draws=2, progress=False,
        )  # fmt: skip
    draws = stem.draws_of(stem.read_prediction(made / "p.h5ad"), cache=made / "cache")
    np.testing.assert_allclose(fewer.X, draws[:2].mean(0), atol=1e-3)


def test_a_slide_in_memory_is_known_by_its_pixels(sections: list[Section]):
    image = np.asarray(sections[0].slide.levels[0]).copy()
    image[600, 600] ^= 1
    assert Slide.from_array(image).fingerprint != sections[0].slide.fingerprint
