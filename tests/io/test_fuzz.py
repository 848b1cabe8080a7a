"""Damaged and hostile files are refused by name, and never with anything but a StemError."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_stem.errors import SpotsError, StemError
from napari_stem.io import bounded, read_spots
from napari_stem.spots.table import spot_table

from .visium_writers import write_hd, write_mtx, write_run

# What the libraries warn of in damaged files is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")

XY = np.stack(np.meshgrid(np.arange(5), np.arange(4)), -1).reshape(-1, 2) * 50.0 + 20


def _h5ad(folder: Path) -> Path:
    table = spot_table(XY, diameter_px=9, counts=np.eye(20, 3, dtype=np.float32), genes=list("abc"))
    table.write_h5ad(folder / "spots.h5ad", compression="gzip")
    return folder / "spots.h5ad"


def _geojson(folder: Path) -> Path:
    features = [{"geometry": {"type": "Point", "coordinates": list(xy)}} for xy in XY]
    (folder / "spots.geojson").write_text(json.dumps({"features": features}))
    return folder / "spots.geojson"


def _csv(folder: Path) -> Path:
    pd.DataFrame(XY, columns=["x", "y"]).to_csv(folder / "spots.csv", index=False)
    return folder / "spots.csv"


def _legacy(folder: Path) -> Path:
    array = (XY // 50).astype(int)
    names = [f"{x}x{y}" for x, y in array]
    places = pd.DataFrame(np.hstack([array, XY]), columns=["x", "y", "pixel_x", "pixel_y"])
    places.to_csv(folder / "spots.tsv", sep="\t", index=False)
    counts = pd.DataFrame(np.arange(60).reshape(20, 3) % 7, index=names, columns=list("abc"))
    counts.to_csv(folder / "counts.tsv.gz", sep="\t")
    return folder


def _visium(folder: Path) -> Path:
    write_run(folder / "section1" / "outs", version=1, kind="raw")
    return folder / "section1"


def _visium_mtx(folder: Path) -> Path:
    write_run(folder / "section1" / "outs", version=1, kind="raw", form=write_mtx)
    return folder / "section1"


def _visium_hd(folder: Path) -> Path:
    write_hd(folder, 16)
    return folder / "binned_outputs" / "square_016um"


def _xenium(folder: Path) -> Path:
    molecules = pd.DataFrame(XY, columns=["x_location", "y_location"])
    molecules.assign(feature_name="EPCAM", qv=30.0).to_parquet(folder / "transcripts.parquet")
    return folder


def _hest(folder: Path) -> Path:
    for name in ("st", "wsis", "metadata"):
        (folder / name).mkdir()
    (folder / "metadata" / "spots.json").write_text('{"pixel_size_um_estimated": 0.5}')
    return _h5ad(folder / "st")


CASES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "h5ad": (_h5ad, "spots.h5ad"),
    "geojson": (_geojson, "spots.geojson"),
    "csv": (_csv, "spots.csv"),
    "legacy counts": (_legacy, "counts.tsv.gz"),
    "legacy spots": (_legacy, "spots.tsv"),
    "visium positions": (_visium, "section1/outs/spatial/tissue_positions_list.csv"),
    "visium scale factors": (_visium, "section1/outs/spatial/scalefactors_json.json"),
    "visium h5": (_visium, "section1/outs/raw_feature_bc_matrix.h5"),
    "visium mtx": (_visium_mtx, "section1/outs/raw_feature_bc_matrix/matrix.mtx.gz"),
    "visium features": (_visium_mtx, "section1/outs/raw_feature_bc_matrix/features.tsv.gz"),
    "visium hd": (_visium_hd, "binned_outputs/square_016um/spatial/tissue_positions.parquet"),
    "xenium": (_xenium, "transcripts.parquet"),
    "hest metadata": (_hest, "metadata/spots.json"),
}


NONSENSE = ["", "\0" * 99, "[" * 99_999, '{"a":' * 9_999, "x,y\n" * 3, "9" * 9_999]


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """A cut, flipped bits, or a piece that was repeated or lost."""
    cut = draw(st.floats(0, 1))
    flips = draw(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), max_size=6))
    kind = draw(st.sampled_from(["cut", "flip", "flip", "repeat", "lose"]))

    def damage(content: bytes) -> bytes:
        at = int(cut * len(content))
        match kind:
            case "cut":
                return content[:at]
            case "repeat":
                return content[:at] + content[at // 2 :]
            case "lose":
                return content[: at // 2] + content[at:]
        changed = bytearray(content)
        for place, bit in flips:
            changed[int(place * (len(content) - 1))] ^= 1 << bit
        return bytes(changed)

    return damage


def read_or_refuse(path: Path, root: Path) -> None:
    message = str(root)
    try:
        read_spots(path)
    except StemError as error:
        message = str(error)
    assert str(root) in message  # what is refused is named


def fuzz(build: Callable[[Path], Path], damaged: str, root: Path, n: int) -> None:
    path, file = build(root), root / damaged
    content = file.read_bytes()

    @settings(
        max_examples=n, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damages())
    def refused(damage: Callable[[bytes], bytes]) -> None:
        file.write_bytes(damage(content))
        read_or_refuse(path, root)

    refused()


@pytest.mark.parametrize(("build", "damaged"), CASES.values(), ids=CASES)
def test_a_damaged_file_is_read_or_refused(build, damaged, tmp_path: Path):
    fuzz(build, damaged, tmp_path, 100)


@pytest.mark.thorough
@pytest.mark.parametrize(("build", "damaged"), CASES.values(), ids=CASES)
def test_a_damaged_file_is_read_or_refused_at_length(build, damaged, tmp_path: Path, times: int):
    fuzz(build, damaged, tmp_path, 500 * times)


@pytest.mark.parametrize(("build", "damaged"), CASES.values(), ids=CASES)
def test_nonsense_is_refused(build, damaged, tmp_path: Path):
    path = build(tmp_path)
    for text in NONSENSE:
        (tmp_path / damaged).write_text(text)
        with pytest.raises(StemError) as caught:
            read_spots(path)
        assert str(tmp_path) in str(caught.value), text[:20]


@pytest.mark.parametrize("case", ["legacy counts", "visium mtx", "visium features"])
def test_a_member_that_unpacks_without_end_is_refused(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    build, damaged = CASES[case]
    path = build(tmp_path)
    monkeypatch.setattr(bounded, "_SMALL", 1 << 20)
    content = gzip.decompress((tmp_path / damaged).read_bytes())
    (tmp_path / damaged).write_bytes(gzip.compress(content + b"0\t" * (1 << 22)))
    with pytest.raises(SpotsError, match=r"declares [\d.]+ MB but stores"):
        read_spots(path)
