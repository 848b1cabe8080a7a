"""Sweep: what is kept on disk is what would be computed, or is computed again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import timm
import torch
from ome_zarr.format import FormatV05
from safetensors.torch import save_file

import napari_stem as stem
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.errors import SlideUnreadable
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.features.embed import iter_embed
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.patches import PHYSICAL
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.training.train import TrainResult

from ..conftest import PANEL
from ..slides.slide_writers import write_ome_zarr
from .rows import Row, check_refusal, rows

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def kept(
    sections: list[Section], trained: TrainResult, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, np.ndarray]:
    """A cache with embeddings and draws, and the values of the prediction that they made."""
    folder = tmp_path_factory.mktemp("kept")
    return folder, predicted(sections, trained, folder)


def predicted(sections: list[Section], trained: TrainResult, cache: Path) -> np.ndarray:
    found = stem.predict(sections[2], None, trained.checkpoint, n_draws=3, cache=cache,
                         progress=False)  # fmt: skip
    return np.asarray(found.X)


def chunk(folder: Path) -> Path:
    """A file of values, and none of metadata."""
    return next(path for path in sorted(folder.rglob("c/**/*")) if path.is_file())


def flipped(folder: Path) -> None:
    """One bit of each of ten bytes."""
    path = chunk(folder)
    content = bytearray(path.read_bytes())
    for place in np.linspace(0.5 * len(content), len(content) - 9, 10).astype(int):
        content[place] ^= 1 << 3
    path.write_bytes(content)


def halved(folder: Path) -> None:
    path = chunk(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def about(folder: Path) -> Path:
    return next(folder.rglob("zarr.json"))


DAMAGES: dict[str, Damage] = {
    "bits flipped": flipped,
    "half a chunk": halved,
    "an empty chunk": lambda folder: chunk(folder).write_bytes(b""),
    "a chunk of zeros": lambda f: chunk(f).write_bytes(bytes(chunk(f).stat().st_size)),
    "a chunk lost": lambda folder: chunk(folder).unlink(),
    "metadata garbled": lambda folder: about(folder).write_text("{"),
    "metadata lost": lambda folder: about(folder).unlink(),
    "a folder emptied": lambda folder: shutil.rmtree(about(folder).parent),
}
DAMAGED = [
    Row(f"{kind}: {name}", lambda folder, kind=kind, act=act: act(next((folder / kind).iterdir())))
    for kind in ("embeddings", "draws")
    for name, act in DAMAGES.items()
]


@rows(DAMAGED)
def test_what_was_damaged_is_computed_again(
    row: Row,
    kept: tuple[Path, np.ndarray],
    sections: list[Section],
    trained: TrainResult,
    tmp_path: Path,
):
    shutil.copytree(kept[0], tmp_path / "cache")
    row.make(tmp_path / "cache")
    np.testing.assert_array_equal(predicted(sections, trained, tmp_path / "cache"), kept[1])


@rows([Row(name, damage, refused="again") for name, damage in DAMAGES.items()])
def test_damaged_draws_of_a_prediction_are_refused(
    row: Row, sections: list[Section], trained: TrainResult, tmp_path: Path
):
    found = stem.predict(sections[2], None, trained.checkpoint, n_draws=3, cache=tmp_path,
                         progress=False)  # fmt: skip
    row.make(next((tmp_path / "draws").iterdir()))
    check_refusal(row, lambda: stem.draws_of(found, cache=tmp_path))


ENCODER = find_encoder("timm:test_vit")


def write_weights(path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    save_file(timm.create_model("test_vit", num_classes=0).state_dict(), path)


def replaced(path: Path, seed: int) -> None:
    """Other weights under the name, of the size and the time of those before."""
    stat = path.stat()
    write_weights(path, seed)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size


def embedded(section: Section, compute: Compute) -> np.ndarray:
    spots = section.spots[:4].copy()
    return finish(iter_embed(section.slide, spots, [ENCODER], PHYSICAL, compute=compute))


@pytest.mark.parametrize("again", [True, False], ids=["in memory", "in another process"])
def test_weights_replaced_by_others_of_name_size_and_time_are_others(
    again: bool, sections: list[Section], tmp_path: Path
):
    path = tmp_path / "w.safetensors"
    write_weights(path, 0)
    compute = Compute(cache=tmp_path / "cache", weights={ENCODER.name: path})
    first = embedded(sections[0], compute)
    replaced(path, 1)
    right = embedded(sections[0], Compute(weights={ENCODER.name: path}))
    fresh = compute if again else Compute(cache=tmp_path / "cache", weights=compute.weights)
    assert np.abs(first - right).max() > 0.1
    np.testing.assert_array_equal(embedded(sections[0], fresh), right)


WEIGHTS = [
    Row("the same", lambda path: None, True),
    Row("a copy elsewhere", lambda path: path.with_name("copy.safetensors"), True),
    Row("others under the same name", lambda path: replaced(path, 1), refused="other weights"),
]


@rows(WEIGHTS)
def test_a_checkpoint_knows_the_weights_it_was_trained_with(
    row: Row, sections: list[Section], tmp_path: Path
):
    path = tmp_path / "w.safetensors"
    write_weights(path, 0)
    recipe = make_recipe("small", PANEL, encoders=[ENCODER.name], fit={"steps": 2})
    quick: dict[str, Any] = {"cache": False, "n_draws": 1, "progress": False}
    result = stem.train(
        sections[0], recipe, tmp_path / "run", weights={ENCODER.name: path}, **quick
    )
    there = row.make(path) or path
    if not there.exists():
        shutil.copy(path, there)

    def act() -> Any:
        return stem.predict(sections[2], None, result.path, weights={ENCODER.name: there}, **quick)

    if row.refused:
        check_refusal(row, act)
        return
    assert act().n_vars == len(PANEL)


def test_a_slide_that_was_painted_is_embedded_again(sections: list[Section], tmp_path: Path):
    """Pixels in the middle of a file change neither its size nor its ends."""
    slide, spots = sections[0].slide, sections[0].spots
    image = slide.read_region(0, 0, slide.width, slide.height)
    path = tmp_path / "HE.tif"
    tifffile.imwrite(path, image, photometric="rgb", metadata=None)

    def vectors(cache: Path | None) -> np.ndarray:
        with open_slide(path, mpp=0.5) as opened:
            return stem.embed(opened, spots, "morphology", cache=cache, progress=False)

    first = vectors(tmp_path / "cache")
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 - 200_000)
        file.write(bytes(400_000))
    second = vectors(tmp_path / "cache")
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_array_equal(second, vectors(None))


def test_nothing_is_kept_of_a_slide_that_vanishes_midway(sections: list[Section], tmp_path: Path):
    slide, spots, path = sections[0].slide, sections[0].spots, tmp_path / "slide.ome.zarr"
    image = slide.read_region(0, 0, slide.width, slide.height)
    write_ome_zarr(path, image, FormatV05())

    def vectors(opened: Slide, cache: Path | None) -> np.ndarray:
        return stem.embed(opened, spots, "morphology", cache=cache, progress=False)

    with open_slide(path) as opened:
        path.rename(tmp_path / "away")
        with pytest.raises(SlideUnreadable):
            vectors(opened, tmp_path / "cache")
    (tmp_path / "away").rename(path)
    with open_slide(path) as opened:
        found, right = vectors(opened, tmp_path / "cache"), vectors(opened, None)
    np.testing.assert_array_equal(found, right)


def test_other_spots_of_one_slide_share_nothing(sections: list[Section], tmp_path: Path):
    section = sections[0]
    reverse = section.spots[::-1].copy()
    for spots in (section.spots, reverse):
        found = stem.embed(section, spots, "morphology", cache=tmp_path, progress=False)
        right = stem.embed(section, spots, "morphology", cache=False, progress=False)
        np.testing.assert_allclose(found, right, atol=1e-4)


def test_draws_of_another_checkpoint_are_others(
    sections: list[Section], trained: TrainResult, tmp_path: Path
):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        network = type(trained.checkpoint.network)(trained.checkpoint.recipe.network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05)
    other = replace(trained.checkpoint, network=network)
    found = [
        stem.predict(sections[2], None, each, n_draws=2, cache=cache, progress=False).X
        for each, cache in ((trained.checkpoint, tmp_path), (other, tmp_path), (other, False))
    ]
    assert np.abs(found[0] - found[1]).max() > 0.1
    np.testing.assert_array_equal(found[1], found[2])
