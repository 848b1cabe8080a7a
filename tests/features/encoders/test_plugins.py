"""Encoders of other packages, installed as real distributions."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.cli import app
from napari_stem.errors import EncoderError
from napari_stem.features.encoders.builders import build_encoder
from napari_stem.features.encoders.entry import Encoder
from napari_stem.features.encoders.registry import encoders, find_encoder

GOOD = """
import torch
from napari_stem.features.encoders.entry import Encoder, Input

def build(weights):
    return torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten())

ENCODERS = [
    Encoder(
        name="means", source="https://example.org/means", revision="1", width=12,
        input=Input(16, (0, 0, 0), (1, 1, 1)), licence="Apache-2.0", gated=True, build=build,
    ),
    Encoder(
        name="small", source="hf:someone/small", revision="abc", pool="cls", width=64,
        architecture="test_vit", licence="MIT",
    ),
]
"""
Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a module as a distribution with an entry point."""
    before = set(sys.modules)

    def installed(name: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[napari_stem.encoders]\n{name} = {name}:ENCODERS\n"
        )
        encoders.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield installed
    encoders.cache_clear()
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_an_encoder_of_another_package_is_listed_and_describes_patches(install: Install):
    install("plugin_good", GOOD)
    entry = find_encoder("means")
    patches = torch.randint(0, 256, (3, 16, 16, 3), dtype=torch.uint8)
    found = build_encoder(entry)(patches)
    assert found.shape == (3, entry.width)
    expected = patches[:, :8, :8, 0].float().mean((1, 2)) / 255
    torch.testing.assert_close(found[:, 0], expected)
    rows = CliRunner().invoke(app, ["encoders"], catch_exceptions=False).output.splitlines()
    (row,) = [row.split() for row in rows if row.split()[:1] == ["means"]]
    assert row[1:] == ["12", "16", "Apache-2.0", "allowed", "request", "plugin"]
    assert find_encoder("small").architecture == "test_vit"


def test_an_entry_survives_json_without_what_builds_it(install: Install):
    install("plugin_good", GOOD)
    entry = find_encoder("means")
    again = Encoder.from_dict(json.loads(json.dumps(entry.to_dict())))
    assert again == entry
    assert again.build is None
    recipe = make_recipe("small", ["A"], encoders=["means"])
    assert Recipe.from_json(recipe.to_json(), "here") == recipe


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere"),
        ("ENCODERS = [3]", "3 is not an Encoder"),
        (GOOD.replace('"means"', '"uni"'), "the name 'uni' is already in use"),
    ],
)
def test_a_broken_plugin_is_a_warning_that_names_it(install: Install, code: str, reason: str):
    install("plugin_bad", code)
    with pytest.warns(UserWarning, match="plugin 'plugin_bad' of package plugin_bad") as told:
        assert "morphology" in encoders()
    assert reason in str(told[0].message)
    with warnings.catch_warnings(action="error"):
        assert find_encoder("uni").source == "hf:MahmoodLab/uni"  # said once, nothing replaced


def test_a_ready_module_is_an_encoder():
    network = nn.Sequential(nn.AvgPool2d(224), nn.Flatten())
    entry = Encoder(name="mine", source="here", revision="1", width=3, build=network)
    patches = torch.zeros((2, 100, 100, 3), dtype=torch.uint8)
    assert build_encoder(entry)(patches).shape == (2, 3)


def _fails(weights: Path | None) -> nn.Module:
    raise RuntimeError(f"no weights at {weights}")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_fails, "could not build the network: no weights at None"),
        (lambda weights: 3, "built a int"),
    ],
)
def test_a_plugin_that_cannot_build_is_named(build: Callable[[Path | None], nn.Module], message):
    entry = Encoder(name="mine", source="here", revision="1", width=3)
    with pytest.raises(EncoderError, match=f"plugin of encoder mine {message}"):
        build_encoder(replace(entry, build=build))
