"""Formats are found by their files, tell what they need, and write a prediction."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from anndata import AnnData
from PIL import Image

from napari_stem import exports
from napari_stem.analysis.cluster import cluster
from napari_stem.errors import OptionError, PanelError
from napari_stem.exports.registry import (
    DEFAULT_SUFFIX,
    exporters,
    find_exporter,
    formats,
    write_prediction,
)
from napari_stem.training.train import TrainResult

NEW_FORMAT = """
from napari_stem.exports.exporter import Exporter

def write(prediction, path, genes, check):
    path.write_text("".join(prediction.var_names))

EXPORTER = Exporter(".genes", "Names", "The names of the genes.", write)
"""


@pytest.fixture(scope="module")
def prediction(trained: TrainResult) -> AnnData:
    assert trained.evaluation is not None
    found = trained.evaluation.prediction.copy()
    cluster(found)
    return found


@pytest.fixture
def new_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file more in the room."""
    (tmp_path / "names_of_genes.py").write_text(NEW_FORMAT)
    monkeypatch.setattr(exports, "__path__", [*exports.__path__, str(tmp_path)])
    exporters.cache_clear()
    yield
    exporters.cache_clear()
    sys.modules.pop("napari_stem.exports.names_of_genes", None)


def test_a_new_file_is_a_new_format(new_format, tmp_path: Path, prediction: AnnData):
    assert ".genes" in formats()
    write_prediction(prediction, tmp_path / "a.genes")
    assert (tmp_path / "a.genes").read_text() == "".join(prediction.var_names)


def test_all_formats_are_listed_once_the_default_first():
    suffixes = [entry.suffix for entry in exporters()]
    assert suffixes[0] == DEFAULT_SUFFIX
    assert sorted(suffixes) == sorted(
        {".csv", ".geojson", ".h5ad", ".html", ".ome.tif", ".parquet", ".png", ".zarr"}
    )


@pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning")  # anndata's, of its future
@pytest.mark.parametrize("entry", exporters(), ids=lambda entry: entry.suffix)
def test_every_format_is_written(entry, tmp_path: Path, prediction: AnnData):
    path = tmp_path / f"A{entry.suffix.upper()}"
    write_prediction(prediction, path, genes=["CD3E"])
    assert path.exists()
    assert entry.name
    assert entry.holds.endswith(".")


def test_a_figure_of_no_chosen_genes_is_a_png_of_the_leading_ones(
    tmp_path: Path, prediction: AnnData
):
    write_prediction(prediction, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 300


def test_listing_the_formats_loads_nothing_slow():
    heavy = ("torch", "scanpy", "spatialdata", "matplotlib")
    script = (
        "import sys; from napari_stem.exports.registry import exporters; exporters()\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["[]"]


def test_a_suffix_without_format_is_refused_with_those_there_are(tmp_path: Path):
    with pytest.raises(
        OptionError, match=r"suffix of 'a\.xlsx' is not an export format; choose \.h5ad"
    ):
        find_exporter("a.xlsx")


def test_a_figure_refuses_unknown_genes_and_too_many(tmp_path: Path, prediction: AnnData):
    with pytest.raises(PanelError, match="does not contain NONE"):
        write_prediction(prediction, tmp_path / "a.png", genes=["NONE"])
    with pytest.raises(OptionError, match=r"at most 12 genes; 13 were chosen"):
        find_exporter("a.html").check(tmp_path / "a.html", ["CD3E"] * 13)
    find_exporter("a.csv").check(tmp_path / "a.csv", ["CD3E"] * 13)


@pytest.mark.parametrize(
    ("suffix", "package", "name"),
    [(".zarr", "spatialdata", "spatialdata"), (".parquet", "pyarrow", "parquet")],
)
def test_a_missing_dependency_is_said_before_the_work(
    suffix: str, package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(OptionError, match=rf'pip install "napari-stem\[{name}\]"'):
        find_exporter(f"a{suffix}").check(tmp_path / f"a{suffix}")
