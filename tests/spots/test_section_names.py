"""A section is called by one name, whoever asks, before and after it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_stem.spots.section_names import section_name
from napari_stem.training.plan import SectionSource

NAMES = {
    "P1/outs": "P1",
    "P1": "P1",
    "HD/outs/binned_outputs/square_008um": "HD",
    "outs/outs": "cohort",
    "st/MEND145.h5ad": "MEND145",
    "biopsy 3.5": "biopsy 3.5",
    "drawn.GeoJSON": "drawn",
    "spots.tsv": "spots",
    "store.zarr": "store",
    "generated:1": "generated-1",
}


@pytest.mark.parametrize(("path", "name"), NAMES.items())
def test_a_place_tells_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path, name):
    around = tmp_path / "cohort"
    around.mkdir()
    monkeypatch.chdir(around)
    assert section_name(path) == section_name(around / path) == SectionSource(path).name == name


def test_a_sample_may_be_mounted_at_the_root():
    assert section_name("/outs") == "outs"
