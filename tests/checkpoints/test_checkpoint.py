"""A checkpoint is one file that predicts the same anywhere, or is refused with a reason."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from napari_stem.checkpoints.checkpoint import (
    Checkpoint,
    load_checkpoint,
    read_about,
    save_checkpoint,
)
from napari_stem.checkpoints.integrity import CHECKSUM
from napari_stem.errors import (
    CheckpointError,
    CheckpointMismatch,
    CheckpointNotFound,
    CheckpointUnreadable,
)
from napari_stem.evaluation.baselines import BASELINES
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.training.train import TrainResult


@pytest.fixture
def checkpoint(trained: TrainResult) -> Checkpoint:
    return trained.checkpoint


def rewrite(path: Path, to: Path, *, drop: str = "", **header: str) -> Path:
    """The same file with another header or without a tensor; like older ones without a sum."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if name != drop}  # noqa: SIM118
        metadata = {f"napari_stem.{name}": value for name, value in header.items()}
        known = {k: v for k, v in file.metadata().items() if k != CHECKSUM}
        save_file(tensors, to, {**known, **metadata})
    return to


def test_a_checkpoint_comes_back_whole(checkpoint: Checkpoint, tmp_path: Path):
    loaded = load_checkpoint(save_checkpoint(checkpoint, tmp_path / "a.safetensors"))
    assert loaded.recipe == checkpoint.recipe
    assert loaded.about == checkpoint.about
    assert loaded.fingerprint == checkpoint.fingerprint
    x, t = torch.randn(3, len(loaded.recipe.panel)), torch.tensor([1, 500, 999])
    c = torch.randn(3, loaded.condition.width)
    with torch.no_grad():
        assert torch.equal(loaded.network(x, t, c), checkpoint.network.cpu()(x, t, c))


@pytest.mark.skipif(os.name != "posix", reason="other systems have no mask")
def test_a_checkpoint_can_be_read_by_whom_the_mask_allows(checkpoint: Checkpoint, tmp_path: Path):
    (tmp_path / "other").touch()
    path = save_checkpoint(checkpoint, tmp_path / "a.safetensors")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_a_checkpoint_is_can_be_read_without_its_weights(trained: TrainResult):
    recipe, about = read_about(trained.path)
    assert recipe == trained.checkpoint.recipe
    assert about["sections"] == ["section-0", "section-1"]
    assert (about["pitch_um"], about["diameter_um"]) == (100, 55)
    assert about["held_out"] == "section-2"
    assert set(about["scores"]) == {"Stem", *BASELINES}


def with_encoder(trained: TrainResult, path: Path, **changes: Any) -> Path:
    """The checkpoint as if its encoder had been another one."""
    recipe = trained.checkpoint.recipe
    other = replace(recipe, encoders=(replace(recipe.encoders[0], **changes),))
    return rewrite(trained.path, path, recipe=other.to_json())


def test_an_encoder_of_other_numbers_is_refused(trained: TrainResult, tmp_path: Path):
    path = with_encoder(trained, tmp_path / "a.safetensors", pool="cls", half=True)
    differing = "morphology: pool cls instead of pooled, half True instead of False"
    with pytest.raises(CheckpointMismatch, match=rf"encoder {differing}\. .*train again"):
        load_checkpoint(path)


def test_licence_gate_and_source_are_those_of_the_registry(trained: TrainResult, tmp_path: Path):
    other = {"licence": "other", "gated": True, "source": "hf:elsewhere/morphology"}
    path = with_encoder(trained, tmp_path / "a.safetensors", **other)
    (loaded,) = load_checkpoint(path).recipe.encoders
    assert loaded.to_dict() == find_encoder("morphology").to_dict()


def test_tensors_that_do_not_fit_the_recipe_are_refused(trained: TrainResult, tmp_path: Path):
    path = rewrite(trained.path, tmp_path / "a.safetensors", drop="network.genes.identity")
    with pytest.raises(CheckpointMismatch, match=r"do not match its recipe.*genes\.identity"):
        load_checkpoint(path)
    recipe = trained.checkpoint.recipe
    fewer = replace(recipe, panel=recipe.panel[1:])
    path = rewrite(trained.path, tmp_path / "b.safetensors", recipe=fewer.to_json())
    with pytest.raises(CheckpointMismatch, match=r"number of genes: 7, 8"):
        load_checkpoint(path)
    twice = replace(recipe, encoders=2 * recipe.encoders)
    path = rewrite(trained.path, tmp_path / "c.safetensors", recipe=twice.to_json())
    with pytest.raises(CheckpointMismatch, match="features per spot: 484, 242"):
        load_checkpoint(path)


def test_a_flipped_bit_anywhere_is_noticed(trained: TrainResult, tmp_path: Path):
    whole = trained.path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for place in (whole.index(b"morphology"), start + 3, len(whole) - 2):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        path = tmp_path / "flipped.safetensors"
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"Get the file again|encoder"):
            load_checkpoint(path)


HUGE = 10**12


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("network", "depth", HUGE), ("network", "width", 2 * HUGE), ("network", "n_genes", HUGE),
        ("network", "width", "wide"), ("network", "mlp_ratio", float("nan")),
        ("network", "heads", None), ("network", "unheard", 1), ("diffusion", "steps", HUGE),
        ("geometry", "size", HUGE), ("geometry", "size", [1]), ("fit", "steps", "many"),
    ],
)  # fmt: skip
def test_a_recipe_of_impossible_sizes_is_refused_before_memory_is_taken(
    part: str, name: str, value: object, trained: TrainResult, tmp_path: Path
):
    values = json.loads(trained.checkpoint.recipe.to_json())
    values[part][name] = value
    path = rewrite(trained.path, tmp_path / "a.safetensors", recipe=json.dumps(values))
    with pytest.raises(CheckpointError, match=r"a\.safetensors"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "header",
    [
        {"recipe": "[" * 100_000}, {"about": "[" * 100_000}, {"about": "[]"},
        {"about": '{"weights": 3}'}, {"about": '{"gene_pcc": ["EPCAM"]}'}, {"recipe": "[1]"},
        {"recipe": '{"schema": 2, "panel": 7}'},
    ],
    ids=str,
)  # fmt: skip
def test_a_header_of_other_things_is_refused(header: dict, trained: TrainResult, tmp_path: Path):
    path = rewrite(trained.path, tmp_path / "a.safetensors", **header)
    with pytest.raises(CheckpointUnreadable, match=r"a\.safetensors"):
        load_checkpoint(path)


@pytest.mark.parametrize("name", ["axes", "noise", "references", "reach", "mean"])
def test_conditions_of_other_shapes_are_refused(name: str, trained: TrainResult, tmp_path: Path):
    with safe_open(trained.path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        known = {k: v for k, v in file.metadata().items() if k != CHECKSUM}
    for spoilt in (torch.zeros(3), torch.zeros(0), torch.zeros(2, 3, 4)):
        save_file({**tensors, f"condition.{name}": spoilt}, tmp_path / "a.safetensors", known)
        with pytest.raises(CheckpointMismatch, match="contradicts other tensors"):
            load_checkpoint(tmp_path / "a.safetensors")


def test_tensors_that_are_not_finite_numbers_are_refused(trained: TrainResult, tmp_path: Path):
    for name, spoilt in (
        ("network.head.linear.bias", lambda x: x * torch.nan),
        ("condition.mean", lambda x: x.long()),
    ):
        path = tmp_path / "a.safetensors"
        with safe_open(trained.path, "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            known = {k: v for k, v in file.metadata().items() if k != CHECKSUM}
        save_file({**tensors, name: spoilt(tensors[name])}, path, known)
        with pytest.raises(CheckpointUnreadable, match=rf"damaged: tensor {name}"):
            load_checkpoint(path)


@pytest.mark.parametrize("length", [0, 10, 5000])
def test_a_truncated_checkpoint_is_refused(trained: TrainResult, tmp_path: Path, length: int):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(trained.path.read_bytes()[:length])
    with pytest.raises(CheckpointUnreadable, match=r"get the file again.*cut\.safetensors"):
        load_checkpoint(path)


def test_foreign_weights_and_missing_files_are_refused(tmp_path: Path):
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(1)}, foreign)
    with pytest.raises(CheckpointUnreadable, match="no napari-stem recipe"):
        load_checkpoint(foreign)
    with pytest.raises(CheckpointNotFound, match="There is no checkpoint"):
        load_checkpoint(tmp_path / "none.safetensors")
