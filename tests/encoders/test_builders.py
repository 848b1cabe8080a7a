from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform

from napari_stem.encoders.builders import build_encoder, pool_tokens
from napari_stem.encoders.registry import find_encoder
from napari_stem.errors import EncoderError

ENCODER = find_encoder("timm:test_vit")  # 160 px, mean and standard deviation one half


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return timm.create_model(ENCODER.architecture, num_classes=0).eval()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "vit.safetensors"
    save_file(network.state_dict(), path)
    return path


def patches(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)


def test_a_timm_model_sees_what_its_own_transform_gives(network, weights):
    config = resolve_model_data_config(network)
    transform = create_transform(**config | {"crop_pct": 1.0})
    images = patches(config["input_size"][-1])
    expected = network(torch.stack([transform(Image.fromarray(image)) for image in images]))
    found = build_encoder(ENCODER, weights)(torch.from_numpy(images))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_patches_of_another_size_are_resized_as_pillow_does(network, weights):
    images = patches(224)
    size = resolve_model_data_config(network)["input_size"][-1]
    resized = [Image.fromarray(i).resize((size, size), Image.Resampling.BICUBIC) for i in images]
    module = build_encoder(ENCODER, weights)
    found = module(torch.from_numpy(images))
    expected = module(torch.from_numpy(np.stack([np.asarray(image) for image in resized])))
    # Pillow rounds to whole grey values, the encoder does not.
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0.01)


def test_plain_tensors_of_torch_are_read_too(network, weights, tmp_path):
    torch.save(network.state_dict(), tmp_path / "vit.pth")
    images = torch.from_numpy(patches(160))
    found = build_encoder(ENCODER, tmp_path / "vit.pth")(images)
    assert torch.equal(found, build_encoder(ENCODER, weights)(images))


def test_poolings():
    tokens = torch.arange(12.0).view(1, 6, 2)
    assert pool_tokens(tokens, "cls").tolist() == [[0, 1]]
    assert pool_tokens(tokens, "cls+patch_mean:2").tolist() == [[0, 1, 7, 8]]


def test_weights_with_code_in_them_are_refused_and_not_run(tmp_path):
    ran = tmp_path / "ran"

    class Harm:
        def __reduce__(self):
            return ran.touch, ()

    torch.save({"weight": Harm()}, tmp_path / "harm.pth")
    with pytest.raises(EncoderError, match=r"harm\.pth' is not a file of plain tensors"):
        build_encoder(ENCODER, tmp_path / "harm.pth")
    assert not ran.exists()


def test_truncated_weights_are_refused(weights, tmp_path):
    (tmp_path / "half.safetensors").write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(EncoderError, match=r"half\.safetensors' is damaged"):
        build_encoder(ENCODER, tmp_path / "half.safetensors")


def test_weights_of_another_architecture_are_refused(weights):
    with pytest.raises(EncoderError, match="belongs to another architecture"):
        build_encoder(find_encoder("timm:test_vit2"), weights)


def test_a_timm_model_needs_a_file_of_weights():
    with pytest.raises(EncoderError, match=r"--weights timm:test_vit=FILE"):
        build_encoder(ENCODER)


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(EncoderError, match=r"there are no weights at .*gone\.safetensors"):
        build_encoder(ENCODER, tmp_path / "gone.safetensors")


def test_a_model_that_timm_lacks_is_named(weights):
    with pytest.raises(EncoderError, match="timm cannot make 'nothing'"):
        build_encoder(find_encoder("timm:nothing"), weights)


def test_without_network_a_gated_encoder_says_how_to_get_its_weights(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: torch.nn.Identity())  # 1 GB less
    with pytest.raises(EncoderError, match=r"could not be fetched.*requesting access.*hf auth"):
        build_encoder(find_encoder("uni"))
