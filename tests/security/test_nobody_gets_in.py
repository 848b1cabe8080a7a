"""Files cannot run code, nothing calls home unasked, and a token stays where it is."""

from __future__ import annotations

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import napari_stem
from napari_stem.checkpoints.stem_upstream import read_network
from napari_stem.cli import app
from napari_stem.errors import StemError
from napari_stem.features.encoders.tensors import read_tensors
from napari_stem.io import read_spots
from napari_stem.training.train import TrainResult

SOURCE = Path(napari_stem.__file__).parent
TOKEN = "hf_MARKEDxTOKENxOFxTHExTESTS"
NEVER = {
    "eval", "exec", "pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load", "dill.load",
    "pd.read_pickle", "yaml.load", "yaml.unsafe_load", "marshal.loads", "shelve.open",
    "os.system", "torch.jit.load", "torch.hub.load", "runpy.run_path",
}  # fmt: skip


def calls() -> Iterator[tuple[str, ast.Call]]:
    """All calls of the package, by their dotted names."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                yield ast.unparse(node.func), node


def test_no_call_loads_more_than_data():
    checked = 0
    for name, call in calls():
        given = {each.arg: ast.unparse(each.value) for each in call.keywords}
        assert name not in NEVER, name
        assert given.get("allow_pickle", "False") == "False"
        assert given.get("shell", "False") == "False"
        if name == "torch.load":
            assert given["weights_only"] == "True"
            checked += 1
    assert checked >= 3


class Bomb:
    """Runs code where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("name", ["a.pt", "a.bin", "a.safetensors", "a.h5ad", "a.csv", "a.npz"])
@pytest.mark.parametrize("read", [read_network, read_tensors, read_spots])
def test_a_file_that_would_run_code_runs_none(name: str, read: Any, tmp_path: Path):
    path, trace = tmp_path / name, tmp_path / "it-ran"
    if name.endswith(".npz"):
        np.savez(path, a=np.array([Bomb(trace)], dtype=object))
    elif name.endswith(".pt"):
        torch.save({"model": Bomb(trace)}, path)
    else:
        path.write_bytes(pickle.dumps(Bomb(trace), protocol=2))
    with pytest.raises(StemError):
        read(path)
    assert not trace.exists()


def test_nothing_is_asked_of_the_network_and_no_token_is_told(
    trained: TrainResult,
    saved: list[Path],
    tmp_path: Path,
    no_network: list[object],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    short = ("--draws", "2", "--device", "cpu", "--cache", str(tmp_path / "cache"))
    outputs = [tmp_path / f"p{suffix}" for suffix in (".h5ad", ".csv", ".geojson", ".html")]
    named = [part for path in outputs for part in ("-o", path)]
    commands = [
        ("info", trained.path),
        ("info", saved[2]),
        ("encoders",),
        ("predict", saved[2], trained.path, *named, "--sampler-steps", 2, *short),
        ("evaluate", trained.path, saved[2], "--train", saved[0], "--sampler-steps", 2, *short),
        ("train", saved[0], "--run", tmp_path / "run", "--genes", 5, "--steps", 2, *short),
    ]
    told = []
    for command in commands:
        result = CliRunner().invoke(app, list(map(str, command)))
        assert result.exit_code == 0, (command, result.output, result.exception)
        told.append(result.output)
    assert not no_network
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in "".join(told) + caplog.text
