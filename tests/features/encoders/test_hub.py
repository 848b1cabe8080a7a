"""Weights in the hub's cache, in folders, or nowhere."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from napari_stem.errors import CheckpointMismatch, EncoderError
from napari_stem.features.encoders.builders import build_encoder
from napari_stem.features.encoders.hub import (
    availability,
    check_stamps,
    fetch_weights,
    local_weights,
    stamps,
    weights_file,
)
from napari_stem.features.encoders.registry import ENCODERS, find_encoder

SMALL = replace(find_encoder("uni"), architecture="test_vit", options=(), width=64)
COMMIT = SMALL.revision


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of a machine without network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def download(cache: Path, source: str, name: str) -> Path:
    """Where the hub's client would have put a file of the pinned commit."""
    folder = cache / f"models--{source.removeprefix('hf:').replace('/', '--')}"
    (folder / "snapshots" / COMMIT).mkdir(parents=True)
    return folder / "snapshots" / COMMIT / name


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_weights_of_the_cache_are_used_without_network(cache, name):
    network = timm.create_model("test_vit", num_classes=0).eval()
    path = download(cache, SMALL.source, name)
    if path.suffix == ".bin":
        torch.save(network.state_dict(), path)
    else:
        save_file(network.state_dict(), path)
    assert local_weights(SMALL) == fetch_weights(SMALL) == path
    patches = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    small = replace(SMALL, input=replace(SMALL.input, size=160, resize=(224,)))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (SMALL.input.mean, SMALL.input.std))
    x = (patches[:, 32:192, 32:192].permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        expected = network.forward_features(x)[:, 0]
    # Sums in another order, in single precision.
    torch.testing.assert_close(build_encoder(small)(patches), expected, atol=1e-5, rtol=1e-4)


def test_weights_of_another_commit_are_not_those_of_the_encoder(cache):
    download(cache, SMALL.source, "model.safetensors").touch()
    assert local_weights(SMALL) is not None
    assert local_weights(replace(SMALL, revision="0" * 40)) is None


def test_the_hubs_weights_are_pinned_to_a_commit():
    pinned = [encoder.revision for encoder in ENCODERS.values() if encoder.source[:3] == "hf:"]
    assert len(pinned) > 1
    assert all(re.fullmatch("[0-9a-f]{40}", revision) for revision in pinned)


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=lambda encoder: encoder.name)
def test_an_empty_cache_has_weights_of_no_encoder(cache, encoder):
    assert local_weights(encoder) is None


def test_a_gated_encoder_says_step_by_step_how_to_get_its_weights(cache):
    with pytest.raises(EncoderError) as caught:
        build_encoder(find_encoder("conch"))
    steps = ["huggingface.co/MahmoodLab/conch", "HF_HUB_OFFLINE is set", "request access",
             "hf auth login", "unset HF_HUB_OFFLINE", "copy a weights file"]  # fmt: skip
    places = [str(caught.value).index(step) for step in steps]
    assert places == sorted(places)


def test_an_open_encoder_asks_for_no_access(cache):
    with pytest.raises(EncoderError, match="phikon-v2") as caught:
        fetch_weights(find_encoder("phikon-v2"))
    assert "access" not in str(caught.value)


def test_an_encoder_that_no_hub_has_says_where_its_file_is(cache):
    with pytest.raises(
        EncoderError, match=r"resnet18 needs a local weights file.*github\.com/ozanciga"
    ):
        fetch_weights(find_encoder("resnet18"))


def test_a_folder_stands_for_its_weights(tmp_path):
    (tmp_path / "config.json").touch()
    (tmp_path / "weights.ckpt").touch()
    assert weights_file(SMALL, tmp_path) == tmp_path / "weights.ckpt"
    for name in ("pytorch_model.bin", "model.safetensors"):  # the same tensors twice
        (tmp_path / name).touch()
        assert weights_file(SMALL, tmp_path) == tmp_path / name


def test_a_folder_without_weights_or_with_several_is_refused(tmp_path):
    with pytest.raises(EncoderError, match=r"one weights file.*found: none"):
        weights_file(SMALL, tmp_path)
    for name in ("a.pth", "b.pth"):
        (tmp_path / name).touch()
    with pytest.raises(EncoderError, match=r"found: a\.pth, b\.pth.*Choose the file"):
        weights_file(SMALL, tmp_path)


def keep(cache: Path, checksum: str) -> Path:
    """A file of the cache as the hub's client keeps it, a link to its content by checksum."""
    link = download(cache, SMALL.source, "model.safetensors")
    blob = link.parents[2] / "blobs" / checksum
    blob.parent.mkdir()
    blob.touch()
    link.symlink_to(blob)
    return link


def test_the_weights_that_a_checkpoint_was_trained_with_are_told_apart(cache):
    assert stamps([SMALL]) == {}
    link = keep(cache, "5" * 64)
    here = stamps([SMALL, find_encoder("morphology")])
    assert {"commit": COMMIT, "sha256": "5" * 64}.items() <= here["uni"].items()
    assert stamps([SMALL], {"uni": link.parent}) == here  # the folder that `hf download` names
    check_stamps(here, [SMALL])
    check_stamps({"uni": {"commit": "f" * 40, "sha256": "5" * 64}}, [SMALL])  # a new README
    other = {"uni": {"commit": "f" * 40, "sha256": "6" * 64}}
    with pytest.raises(
        CheckpointMismatch, match=f"hf download MahmoodLab/uni --revision {'f' * 40}"
    ):
        check_stamps(other, [SMALL])


def test_weights_that_have_no_checksum_in_common_are_taken(cache, tmp_path):
    trained = {"uni": {"commit": "f" * 40, "sha256": "6" * 64}}
    check_stamps(trained, [SMALL])
    (tmp_path / "model.safetensors").touch()
    assert set(stamps([SMALL], {"uni": tmp_path})["uni"]) == {"content"}
    check_stamps(trained, [SMALL], {"uni": tmp_path})


def test_availability_needs_no_network(cache):
    names = ("morphology", "uni", "resnet18")
    assert [availability(find_encoder(name)) for name in names] == [
        "built in", "download", "your file",
    ]  # fmt: skip
    keep(cache, "5" * 64)
    assert availability(find_encoder("uni")) == "here"
