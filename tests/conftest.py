"""Data that several test modules share: real sections where they are, and small generated ones."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from PIL import Image

import napari_stem as stem
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.sections.public_data import DATA_VARIABLE
from napari_stem.sections.section import Section
from napari_stem.sections.synthetic import generate_section
from napari_stem.spots.table import spot_table
from napari_stem.training.train import TrainResult

from .io.visium_writers import write_hd

PANEL = ("EPCAM", "COL1A1", "CD3E", "CCL5", "KRT8", "COL3A1", "TRAC", "ACTB")


# Of real data: NAPARI_STEM_DATA, or shared/data beside the checkout.
DATA = Path(os.environ.get(DATA_VARIABLE, Path(__file__).parents[2] / "shared" / "data"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--thorough 10` also runs the tests that take minutes, each of them ten times over."""
    parser.addoption("--thorough", type=int, default=0, metavar="TIMES")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests begin, so that at the end no process waits for the one that has the last."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if not config.getoption("--thorough"):
        skip = pytest.mark.skip(reason="takes minutes; runs with --thorough TIMES")
        for item in items:
            if item.get_closest_marker("thorough"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def times(pytestconfig: pytest.Config) -> int:
    """How often a thorough test tries what must never go wrong."""
    return int(pytestconfig.getoption("--thorough"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data, for the few tests that nothing else can replace."""
    if not (DATA / "her2st").is_dir():
        pytest.skip(f"needs real data, which are not in {DATA}; set {DATA_VARIABLE}")
    return DATA


@pytest.fixture(scope="session")
def real_slides() -> list[Path]:
    """Real slide files, if there are any here."""
    return sorted(path for path in DATA.glob("slides/*") if path.suffix != ".md")


@pytest.fixture
def visium_hd(tmp_path: Path) -> Path:
    """A Visium HD run with bins of 8 and of 16 micrometres, beside its slide."""
    write_hd(tmp_path / "HD" / "outs", 8, 16)
    Image.new("RGB", (400, 350), "white").save(tmp_path / "HD" / "slide.png")
    return tmp_path / "HD"


@pytest.fixture(scope="session")
def sections() -> list[Section]:
    """Three small generated sections of about 20 spots."""
    return [generate_section(f"section-{seed}", seed=seed, size_px=1200) for seed in range(3)]


@pytest.fixture(scope="session")
def saved(sections: list[Section], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders of the sections: a spot table beside a picture that states its scale."""
    root = tmp_path_factory.mktemp("sections")
    for section in sections:
        folder = root / section.name
        folder.mkdir()
        section.spots.write_h5ad(folder / "spots.h5ad")
        picture = Image.fromarray(np.asarray(section.slide.levels[0]))
        dots_per_inch = 25_400 / section.slide.mpp
        picture.save(folder / "slide.tif", dpi=(dots_per_inch, dots_per_inch))
    return [root / section.name for section in sections]


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """A network so small that it trains within a second."""
    return make_recipe("small", PANEL, fit={"steps": 60, "batch_size": 32})


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that tests share whose subject it is not: patches are described once."""
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture(scope="session")
def trained(
    sections: list[Section], recipe: Recipe, embedded: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> TrainResult:  # fmt: skip
    """A checkpoint of two sections, evaluated on the third."""
    folder = tmp_path_factory.mktemp("run")
    return stem.train(sections[:2], recipe, folder, held_out=sections[2], n_draws=4, cache=embedded)


@pytest.fixture(scope="session")
def transformer(
    sections: list[Section], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Path]]:
    """A checkpoint whose encoder is a small transformer, and where that has its random weights."""
    import torch
    from safetensors.torch import save_file

    from napari_stem.features.encoders.builders import make_network
    from napari_stem.features.encoders.registry import find_encoder

    folder, encoder = tmp_path_factory.mktemp("transformer"), find_encoder("timm:test_vit")
    weights = {encoder.name: folder / "weights.safetensors"}
    torch.manual_seed(0)
    save_file(make_network(encoder).state_dict(), weights[encoder.name])
    recipe = make_recipe("small", PANEL[:2], encoders=encoder.name, fit={"steps": 1})
    stem.train(sections[0], recipe, folder / "run", cache=False, weights=weights)
    return folder / "run" / "checkpoint.safetensors", weights


@pytest.fixture
def two_threads() -> Iterator[None]:
    """The number that a user sets; it counts in threads that start later."""
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(usual)


@pytest.fixture
def prediction() -> AnnData:
    """Six spots by three genes, in two clusters."""
    random = np.random.default_rng(0)
    xy = random.uniform(100, 900, (6, 2))
    mean = random.gamma(2, 1, (6, 3)).astype(np.float32)
    table = spot_table(
        xy, diameter_px=60, counts=mean, genes=["FASN", "GNAS", "ACTB"], library="C5"
    )
    table.layers["std"] = random.gamma(1, 1, (6, 3)).astype(np.float32)
    table.layers["q05"], table.layers["q95"] = mean / 2, mean * 2
    table.obs["ood"] = random.uniform(0, 2, 6).astype(np.float32)
    table.obs["leiden"] = pd.Categorical(list("121121"), categories=["1", "2"])
    table.obs["x"] = "a column that others brought"
    table.uns["napari_stem"] = {"recipe": "{}", "seed": 0}
    return table


@pytest.fixture
def compiler() -> None:
    """What torch compiles networks with on a CPU."""
    if shutil.which("g++") is None:
        pytest.skip("needs a compiler")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to reach another machine fails and is listed."""
    tried: list[object] = []
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            tried.append(address)
            raise OSError("no network in this test")
        connect(self, address)

    def unknown(*where: object, **more: object) -> None:
        tried.append(where)
        raise socket.gaierror("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    return tried
