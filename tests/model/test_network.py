from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_stem.errors import OptionError
from napari_stem.model.dropout import Dropout, dropout_of
from napari_stem.model.network import NetworkConfig, StemNetwork

SMALL = NetworkConfig(n_genes=7, condition_width=5, width=12, depth=2, heads=3)


def randomised(config: NetworkConfig, seed: int = 0) -> StemNetwork:
    """A network in float64 without the zeros of its initialisation."""
    network = StemNetwork(config).double().eval()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3, generator=random)
    return network


def inputs(config: NetworkConfig, n: int = 4, seed: int = 1) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, config.n_genes, dtype=torch.float64, generator=random)
    condition = torch.randn(n, config.condition_width, dtype=torch.float64, generator=random)
    return x, torch.randint(1000, (n,), generator=random), condition


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        replace(SMALL, genes_per_token=3, mlp_ratio=1.5, histology_width=20),
        replace(SMALL, learned_variance=True),
        replace(SMALL, learned_variance=True, genes_per_token=2),
    ],
)
def test_forward_equals_the_equations_written_out(config):
    network = randomised(config)
    x, t, condition = inputs(config)
    out = network(x, t, condition).detach().numpy()
    for i in range(len(x)):
        expected = one_spot(network, x[i].numpy(), int(t[i]), condition[i].numpy())
        # Rounding of double precision, but for the wave of time, which is single by design.
        np.testing.assert_allclose(out[i], expected, rtol=1e-4, atol=1e-4)


def one_spot(network: StemNetwork, x, t, condition):
    """METHOD: tokens, time, histology, adaLN-Zero blocks and head for a single spot, in numpy."""
    config = network.config
    w = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    g, d = config.genes_per_token, config.width

    def linear(name, v):
        return w[f"{name}.weight"] @ v + w[f"{name}.bias"]

    def two_layers(name, v):
        return linear(f"{name}.2", silu(linear(f"{name}.0", v)))

    def normalised(v):
        return (v - v.mean()) / np.sqrt(v.var() + 1e-6)

    tokens = -(-config.n_genes // g)
    padded = np.zeros(tokens * g)
    padded[: config.n_genes] = x
    h = np.stack(
        [
            two_layers("genes.value", padded[k * g : (k + 1) * g]) + w["genes.identity"][k]
            for k in range(tokens)
        ]
    )
    frequency = np.array([math.exp(-math.log(10_000) * i / 128) for i in range(128)])
    wave = np.concatenate([np.cos(t * frequency), np.sin(t * frequency)])
    c = two_layers("time", wave) + two_layers("histology", condition)

    for b in range(config.depth):
        block = f"blocks.{b}"
        modulation = linear(f"{block}.modulation.1", silu(c)).reshape(6, d)
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = modulation
        seen = np.stack([normalised(v) * (1 + scale_a) + shift_a for v in h])
        h = h + gate_a * attention(seen, w, f"{block}.attention", config.heads)
        for k in range(tokens):
            v = linear(f"{block}.mlp.0", normalised(h[k]) * (1 + scale_m) + shift_m)
            h[k] = h[k] + gate_m * linear(f"{block}.mlp.2", gelu_tanh(v))

    shift, scale = linear("head.modulation.1", silu(c)).reshape(2, d)
    channels = 2 if config.learned_variance else 1
    out = np.empty((channels, tokens * g))
    for k in range(tokens):
        v = linear("head.linear", normalised(h[k]) * (1 + scale) + shift)
        out[:, k * g : (k + 1) * g] = v.reshape(channels, g)
    return out[:, : config.n_genes].ravel()


def attention(h, w, name, heads):
    tokens, d = h.shape
    size = d // heads
    qkv = np.einsum("kd,ed->ke", h, w[f"{name}.qkv.weight"]) + w[f"{name}.qkv.bias"]
    mixed = np.zeros_like(h)
    for head in range(heads):
        q, k, v = (qkv[:, p * d + head * size : p * d + (head + 1) * size] for p in range(3))
        for i in range(tokens):
            score = np.array([q[i] @ k[j] / math.sqrt(size) for j in range(tokens)])
            share = np.exp(score - score.max())
            mixed[i, head * size : (head + 1) * size] = share @ v / share.sum()
    return np.einsum("kd,ed->ke", mixed, w[f"{name}.out.weight"]) + w[f"{name}.out.bias"]


def silu(v):
    return v / (1 + np.exp(-v))


def gelu_tanh(v):
    return 0.5 * v * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))


def test_the_paper_s_network_has_33_464_065_parameters():
    c, s, d, blocks, waves = 300, 1536, 384, 12, 256
    linear = lambda a, b: a * b + b  # noqa: E731
    tokens = linear(1, d) + linear(d, d) + c * d
    time = linear(waves, d) + linear(d, d)
    histology = linear(s, d) + linear(d, d)
    block = linear(d, 6 * d) + linear(d, 3 * d) + linear(d, d) + linear(d, 4 * d) + linear(4 * d, d)
    head = linear(d, 2 * d) + linear(d, 1)
    count = tokens + time + histology + blocks * block + head

    network = StemNetwork(NetworkConfig(n_genes=c, condition_width=s))

    assert sum(parameter.numel() for parameter in network.parameters()) == count == 33_464_065
    wide = StemNetwork(NetworkConfig(n_genes=c, condition_width=s, histology_width=s))
    # About 35 M as the paper says, with the wider histology MLP of its published code.
    assert sum(parameter.numel() for parameter in wide.parameters()) == 35_677_057


def test_every_block_starts_as_the_identity():
    network = StemNetwork(SMALL)
    h, c = torch.randn(3, 7, 12), torch.randn(3, 12)
    for block in network.blocks:
        assert torch.equal(block(h, c), h)


def test_a_new_network_predicts_zero():
    x, t, condition = inputs(SMALL)
    assert StemNetwork(SMALL).double()(x, t, condition).abs().max() == 0


def test_spots_of_a_batch_do_not_see_each_other():
    network = randomised(SMALL)
    x, t, condition = inputs(SMALL)
    alone = network(x[2:3], t[2:3], condition[2:3])
    torch.testing.assert_close(network(x, t, condition)[2:3], alone, rtol=0, atol=1e-12)


def test_a_gene_is_known_by_its_identity_not_by_its_place():
    network = randomised(SMALL)
    x, t, condition = inputs(SMALL)
    order = torch.randperm(SMALL.n_genes, generator=torch.Generator().manual_seed(0))
    expected = network(x, t, condition)[:, order]
    with torch.no_grad():
        network.genes.identity.copy_(network.genes.identity[order])
    torch.testing.assert_close(network(x[:, order], t, condition), expected, rtol=0, atol=1e-12)


def test_dropout_acts_while_training_only():
    network = randomised(replace(SMALL, dropout=0.5))
    x, t, condition = inputs(SMALL)
    assert torch.equal(network(x, t, condition), network(x, t, condition))
    network.train()
    n, device = len(x), x.device

    def masked(seed: int, rows: slice = slice(0, n)) -> torch.Tensor:
        with dropout_of(seed, rows, n, device):
            return network(x[rows], t[rows], condition[rows])

    assert not torch.equal(masked(0), masked(1))
    parts = [masked(0, rows) for rows in (slice(0, 2), slice(2, n))]
    torch.testing.assert_close(torch.cat(parts), masked(0), rtol=0, atol=1e-12)
    kept = Dropout(0.25).train()
    with dropout_of(0, slice(0, 1000), 1000, device):
        found = kept(torch.ones(1000, 100))
    assert found.unique().tolist() == pytest.approx([0, 4 / 3])
    assert found.mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"width": 100, "heads": 6}, "a multiple of its 6 heads"),
        ({"n_genes": 0}, "n_genes is 0; it must be at least 1"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_impossible_sizes_are_refused(change, says):
    with pytest.raises(OptionError, match=says):
        replace(SMALL, **change)


def test_draws_of_a_spot_share_its_time_and_its_histology():
    """Two draws each of three spots, with time and histology given once a spot, or time once."""
    network = randomised(SMALL)
    x, t, condition = inputs(SMALL, n=6)
    t, condition = t[:3], condition[:3]
    each = network(x, t.repeat_interleave(2), condition.repeat_interleave(2, dim=0))
    torch.testing.assert_close(network(x, t, condition), each, rtol=0, atol=1e-12)
    same = network(x, t[:1].expand(6), condition.repeat_interleave(2, dim=0))
    torch.testing.assert_close(network(x, t[:1], condition), same, rtol=0, atol=1e-12)
