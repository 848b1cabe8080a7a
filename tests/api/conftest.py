"""What the examples of docstrings, and the tests beside them, start from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import napari_stem as stem
from napari_stem.sections.section import Section
from napari_stem.sections.synthetic import generate_section
from napari_stem.sections.synthetic_tissue import REGIONS
from napari_stem.storage import CACHE_VARIABLE
from napari_stem.training.train import TrainResult


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, empty."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def few(sections: list[Section]) -> Any:
    """Four spots of the third section."""
    return sections[2].spots[:4].copy()


@pytest.fixture(scope="session")
def annotated() -> Any:
    """A table whose `obs["region"]` names the tissue under each spot."""
    table = generate_section("annotated", seed=4, size_px=1200).spots
    table.obs["region"] = np.array(REGIONS)[table.obsm["composition"].argmax(axis=1)]
    return table


@pytest.fixture(scope="session")
def predicted(
    sections: list[Section], trained: TrainResult, few: Any, embedded: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, Path]:  # fmt: skip
    """A prediction of these spots, and the cache that keeps its draws, and all patches."""
    cache = tmp_path_factory.mktemp("kept")
    shutil.copytree(embedded / "embeddings", cache / "embeddings")
    slide = sections[2].slide
    return stem.predict(slide, few, trained.checkpoint, n_draws=4, cache=cache), cache


@pytest.fixture
def names(
    sections: list[Section], trained: TrainResult, few: Any, annotated: Any,
    predicted: tuple[Any, Path], own_cache: Path, tmp_path: Path,
) -> dict[str, Any]:  # fmt: skip
    """Names that examples use."""
    prediction, cache = predicted
    shutil.copytree(cache, own_cache)
    few.write_h5ad(tmp_path / "spots.h5ad")
    slide = sections[2].slide
    picture = Image.fromarray(np.asarray(slide.levels[0]))
    picture.save(tmp_path / "he.png", compress_level=0)
    return {
        "stem": stem, "np": np, "slide": slide, "spots": few.copy(),
        "sections": sections,
        "recipe": trained.checkpoint.recipe, "checkpoint": trained.checkpoint,
        "checkpoint_file": trained.path, "folder": tmp_path, "image": tmp_path / "he.png",
        "table": tmp_path / "spots.h5ad", "annotated": annotated.copy(),
        "prediction": prediction.copy(),
    }  # fmt: skip
