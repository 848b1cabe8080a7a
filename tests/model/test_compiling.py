"""Compiled networks give what they give otherwise, or say what is missing."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor

from napari_stem.errors import OptionError
from napari_stem.model.compiling import compile_blocks
from napari_stem.model.diffusion import Schedule, denoiser
from napari_stem.model.diffusion_config import DiffusionConfig
from napari_stem.model.network import NetworkConfig, StemNetwork

SCHEDULE = Schedule(DiffusionConfig())


def network() -> StemNetwork:
    torch.manual_seed(0)
    config = NetworkConfig(n_genes=6, condition_width=4, width=16, depth=2, heads=2)
    network = StemNetwork(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network


def inputs(n: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(2 * n, 6), torch.tensor([500]), torch.randn(n, 4)


@pytest.mark.thorough
@pytest.mark.usefixtures("compiler")
def test_a_compiled_network_gives_the_same_for_any_number_of_spots():
    plain, compiled = network(), compile_blocks(network())
    for n in (4, 7, 2):
        given = inputs(n)
        torch.testing.assert_close(compiled(*given), plain(*given), rtol=1e-4, atol=1e-4)


def test_without_a_compiler_the_error_says_what_to_do():
    from torch._inductor import config
    from torch._inductor.utils import fresh_cache

    torch.compiler.reset()
    compiled = compile_blocks(network())
    missing = config.patch({"cpp.cxx": ("no-such-compiler",)})
    with fresh_cache(), missing, pytest.raises(OptionError, match="go on without compiling"):
        denoiser(compiled, torch.randn(3, 4), SCHEDULE)(torch.randn(3, 6), 500)
    assert deepcopy(compiled)(*inputs(3)).shape == (6, 6)
