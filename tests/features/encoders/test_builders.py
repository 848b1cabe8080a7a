from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform

from napari_stem.errors import EncoderError
from napari_stem.features.encoders.builders import PatchEncoder, build_encoder, pool_tokens, resize
from napari_stem.features.encoders.entry import Input
from napari_stem.features.encoders.registry import find_encoder

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


@pytest.mark.parametrize("side", [100, 256, 448])
def test_patches_are_resized_as_pillow_does(side):
    rough = Image.fromarray(patches(60)[0])
    image = rough.resize((224, 224), Image.Resampling.BICUBIC)
    expected = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), np.float32)
    found = resize(torch.tensor(np.asarray(image)).permute(2, 0, 1)[None].float(), side)
    differences = np.abs(found[0].permute(1, 2, 0).numpy() - expected)
    # Pillow sums in fixed point, which seldom rounds to the other side.
    assert differences.max() <= 1
    assert (differences > 0).mean() < 0.01


def test_the_middle_is_cut_out_after_resizing(network, weights):
    expected = Input(160, (0.5,) * 3, (0.5,) * 3, resize=(200,))
    images = patches(224)
    cut = [
        Image.fromarray(i).resize((200, 200), Image.Resampling.BICUBIC).crop((20, 20, 180, 180))
        for i in images
    ]
    found = PatchEncoder(network, expected, "cls")(torch.from_numpy(images))
    whole = PatchEncoder(network, Input(160, (0.5,) * 3, (0.5,) * 3), "cls")
    # A few pixels round to another grey value than Pillow's.
    torch.testing.assert_close(
        found, whole(torch.from_numpy(np.stack([np.asarray(i) for i in cut]))), atol=0.02, rtol=0.01
    )


def test_plain_tensors_of_torch_are_read_too(network, weights, tmp_path):
    torch.save(network.state_dict(), tmp_path / "vit.pth")
    images = torch.from_numpy(patches(160))
    found = build_encoder(ENCODER, tmp_path / "vit.pth")(images)
    assert torch.equal(found, build_encoder(ENCODER, weights)(images))


def test_poolings():
    tokens = torch.arange(12.0).view(1, 6, 2)
    assert pool_tokens(tokens, "cls").tolist() == [[0, 1]]
    assert pool_tokens(tokens, "cls+patch_mean:2").tolist() == [[0, 1, 7, 8]]
    grid = torch.zeros(4, 4)
    grid[1:3, 1:3] = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    tokens = torch.cat([torch.tensor([9.0, 8.0]), grid.flatten()]).view(1, 18, 1)
    assert pool_tokens(tokens, "cls+centre", 2).tolist() == [[9, 3]]


def test_a_transformer_is_pooled_over_its_centre_where_its_name_says_so(network, weights):
    images = torch.from_numpy(patches(160))
    found = build_encoder(find_encoder("timm:test_vit:cls+centre"), weights)(images)
    assert found.shape == (2, 2 * network.num_features)
    with torch.inference_mode():
        tokens = network.forward_features((images.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5)
    assert torch.allclose(found[:, : network.num_features], tokens[:, 0], atol=1e-5)


def test_weights_with_code_in_them_are_refused_and_not_run(tmp_path):
    ran = tmp_path / "ran"

    class Harm:
        def __reduce__(self):
            return ran.touch, ()

    torch.save({"weight": Harm()}, tmp_path / "harm.pth")
    with pytest.raises(EncoderError, match=r"not a file of plain tensors.*harm\.pth'"):
        build_encoder(ENCODER, tmp_path / "harm.pth")
    assert not ran.exists()


def test_truncated_weights_are_refused(weights, tmp_path):
    (tmp_path / "half.safetensors").write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(EncoderError, match=r"is damaged.*half\.safetensors'"):
        build_encoder(ENCODER, tmp_path / "half.safetensors")


def test_weights_of_another_architecture_are_refused(weights):
    with pytest.raises(EncoderError, match="do not match encoder"):
        build_encoder(find_encoder("timm:test_vit2"), weights)


def test_a_timm_model_needs_a_file_of_weights():
    with pytest.raises(EncoderError, match="timm:test_vit needs a local weights file"):
        build_encoder(ENCODER)


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(EncoderError, match=r"no weights file at .*gone\.safetensors"):
        build_encoder(ENCODER, tmp_path / "gone.safetensors")


def test_a_model_that_timm_lacks_is_named(weights):
    with pytest.raises(EncoderError, match="timm cannot build 'nothing'"):
        build_encoder(find_encoder("timm:nothing"), weights)
