"""Files of the published code are read as they lie, and its network predicts the same."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from napari_stem.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from napari_stem.checkpoints.stem_dataset import is_upstream, open_upstream
from napari_stem.checkpoints.stem_upstream import read_checkpoint, read_network
from napari_stem.cli import app
from napari_stem.errors import (
    CheckpointMismatch,
    CheckpointNotFound,
    CheckpointUnreadable,
    EncoderError,
    SpotsError,
    SpotsNotFound,
)
from napari_stem.features.condition import Condition

GENES, NUMBERS, WIDTH, DEPTH, HEADS = 5, 7, 12, 2, 6
PANEL = ["FASN", "GNAS", "ACTB", "EPCAM", "CD3E"]


def upstream_weights(numbers: int = NUMBERS, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random tensors by the names and shapes that the published network has."""
    random = torch.Generator().manual_seed(seed)
    shapes: dict[str, tuple[int, ...]] = {"gene_joint_embed.gene_name_ebd": (GENES, WIDTH)}

    def linear(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)

    linear("gene_joint_embed.gene_count_ebd.0", 1, WIDTH)
    linear("gene_joint_embed.gene_count_ebd.2", WIDTH, WIDTH)
    linear("time_embed.mlp.0", 256, WIDTH)
    linear("time_embed.mlp.2", WIDTH, WIDTH)
    linear("label_embed.0", numbers, numbers)
    linear("label_embed.2", numbers, WIDTH)
    for block in range(DEPTH):
        linear(f"blocks.{block}.attn.qkv", WIDTH, 3 * WIDTH)
        linear(f"blocks.{block}.attn.proj", WIDTH, WIDTH)
        linear(f"blocks.{block}.mlp.fc1", WIDTH, 4 * WIDTH)
        linear(f"blocks.{block}.mlp.fc2", 4 * WIDTH, WIDTH)
        linear(f"blocks.{block}.adaLN_modulation.1", WIDTH, 6 * WIDTH)
    linear("final_layer.linear", WIDTH, 2)
    linear("final_layer.adaLN_modulation.1", WIDTH, 2 * WIDTH)
    return {name: 0.3 * torch.randn(shape, generator=random) for name, shape in shapes.items()}


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    return upstream_weights()


def published(w: dict[str, torch.Tensor], x: np.ndarray, t: int, y: np.ndarray) -> np.ndarray:
    """METHOD's equations with upstream's differences, for one spot: (2, genes), eps first."""
    v = {name: value.double().numpy() for name, value in w.items()}

    def linear(name: str, h: np.ndarray) -> np.ndarray:
        return h @ v[f"{name}.weight"].T + v[f"{name}.bias"]

    def two(first: str, second: str, h: np.ndarray) -> np.ndarray:
        hidden = linear(first, h)
        return linear(second, hidden / (1 + np.exp(-hidden)))

    def normal(h: np.ndarray) -> np.ndarray:
        centred = h - h.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)

    def attend(name: str, h: np.ndarray) -> np.ndarray:
        q, k, u = np.split(linear(f"{name}.qkv", h), 3, axis=1)
        out, size = np.empty_like(h), WIDTH // HEADS
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            score = np.exp(q[:, part] @ k[:, part].T / np.sqrt(size))
            out[:, part] = score / score.sum(1, keepdims=True) @ u[:, part]
        return linear(f"{name}.proj", out)

    count = "gene_joint_embed.gene_count_ebd"
    h = two(f"{count}.0", f"{count}.2", x[:, None]) + v["gene_joint_embed.gene_name_ebd"]
    angle = t * np.exp(-np.log(10_000) * np.arange(128) / 128)
    time = np.concatenate([np.cos(angle), np.sin(angle)])
    c = two("time_embed.mlp.0", "time_embed.mlp.2", time) + two("label_embed.0", "label_embed.2", y)
    seen = c / (1 + np.exp(-c))
    for block in range(DEPTH):
        name = f"blocks.{block}"
        a = np.split(linear(f"{name}.adaLN_modulation.1", seen), 6)
        h = h + a[2] * attend(f"{name}.attn", normal(h) * (1 + a[1]) + a[0])
        m = linear(f"{name}.mlp.fc1", normal(h) * (1 + a[4]) + a[3])
        gelu = 0.5 * m * (1 + np.tanh(np.sqrt(2 / np.pi) * (m + 0.044715 * m**3)))
        h = h + a[5] * linear(f"{name}.mlp.fc2", gelu)
    shift, scale = np.split(linear("final_layer.adaLN_modulation.1", seen), 2)
    return linear("final_layer.linear", normal(h) * (1 + scale) + shift).T


def written(path: Path, weights: object) -> Path:
    torch.save({"model": upstream_weights(seed=9), "ema": weights, "opt": {"state": {}}}, path)
    return path


def test_the_network_predicts_what_the_published_equations_do(tmp_path: Path, weights):
    network = read_network(written(tmp_path / "0250000.pt", weights))
    random = np.random.default_rng(0)
    x, y = random.normal(size=(3, GENES)), random.normal(size=(3, NUMBERS))
    t = np.array([0, 17, 999])
    inputs = (torch.tensor(v, dtype=torch.float32) for v in (x, t, y))
    out = network(*inputs).detach().numpy().reshape(3, 2, GENES)
    expected = [published(weights, *spot) for spot in zip(x, t, y, strict=True)]
    # Single precision through two blocks of values near 1.
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)
    config = network.config
    assert (config.histology_width, config.learned_variance) == (NUMBERS, True)


def test_a_network_in_parallel_and_bare_weights_are_read(tmp_path: Path, weights):
    torch.save({f"module.{name}": value for name, value in weights.items()}, tmp_path / "a.pt")
    state = read_network(tmp_path / "a.pt").state_dict()
    torch.testing.assert_close(state["head.linear.bias"], weights["final_layer.linear.bias"])


def test_a_checkpoint_predicts_the_same_through_standardised_conditions(tmp_path: Path):
    weights = upstream_weights(numbers=1024)
    for name in ("label_embed.0.weight", "label_embed.2.weight"):
        weights[name] *= 0.05  # as small as the sums of 1,024 numbers need
    path = written(tmp_path / "0250000.pt", weights)
    random = np.random.default_rng(0)
    embeddings = random.normal(3, 2, (40, 1024)).astype(np.float32)
    embeddings[:, 5] = 0.25  # a number that never varies
    made = read_checkpoint(path, PANEL, embeddings, encoders=["uni"])
    loaded = load_checkpoint(save_checkpoint(made, tmp_path / "upstream.safetensors"))
    x = random.normal(size=GENES)
    condition = torch.from_numpy(loaded.condition.transform(embeddings[:1]))
    out = loaded.network(torch.tensor(x[None], dtype=torch.float32), torch.tensor([400]), condition)
    expected = published(weights, x, 400, embeddings[0].astype(float))
    # Single precision, in sums over 1,024 numbers.
    np.testing.assert_allclose(out.detach().numpy().reshape(2, -1), expected, rtol=1e-3, atol=1e-3)
    assert loaded.recipe.transform == "log2"
    assert loaded.recipe.geometry.width_um is None
    assert isinstance(loaded.condition, Condition)
    assert loaded.condition.ood(embeddings).max() < 1e-3


class Code:
    """What a pickle could run."""

    def __reduce__(self):
        return print, ("executed",)


def test_files_that_would_run_code_are_refused(tmp_path: Path, capsys):
    (tmp_path / "evil.pt").write_bytes(pickle.dumps({"ema": Code()}, protocol=2))
    torch.save({"ema": Code()}, tmp_path / "zip.pt")
    for name in ("evil.pt", "zip.pt"):
        with pytest.raises(
            CheckpointUnreadable, match=rf"could not be read as PyTorch tensors.*{name}'"
        ):
            read_network(tmp_path / name)
    assert "executed" not in capsys.readouterr().out


def test_other_networks_are_refused(tmp_path: Path, weights):
    with pytest.raises(CheckpointNotFound, match=r"none\.pt"):
        read_network(tmp_path / "none.pt")
    other = weights | {"pos_embed": torch.zeros(3)}
    with pytest.raises(CheckpointMismatch, match="tensor 'pos_embed'"):
        read_network(written(tmp_path / "a.pt", other))
    del weights["blocks.1.attn.qkv.weight"]
    with pytest.raises(CheckpointMismatch, match=r"do not match the published network.*a\.pt'"):
        read_network(written(tmp_path / "a.pt", weights))
    table = {"gene_joint_embed.gene_name_ebd": torch.ones(2, 2)}
    with pytest.raises(CheckpointMismatch, match=r"histology\.0\.weight"):
        read_network(written(tmp_path / "a.pt", table))
    torch.save([1, 2], tmp_path / "a.pt")
    with pytest.raises(CheckpointUnreadable, match="no named tensors"):
        read_network(tmp_path / "a.pt")
    content = written(tmp_path / "a.pt", upstream_weights()).read_bytes()
    (tmp_path / "a.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointUnreadable, match=r"could not be read.*a\.pt'"):
        read_network(tmp_path / "a.pt")


def test_a_checkpoint_must_fit_its_lists(tmp_path: Path, weights):
    path = written(tmp_path / "a.pt", weights)
    embeddings = np.ones((9, NUMBERS), np.float32)
    with pytest.raises(CheckpointMismatch, match="has 5 genes, but 3 were given"):
        read_checkpoint(path, PANEL[:3], embeddings, encoders=["uni"])
    with pytest.raises(CheckpointMismatch, match="7 features of uni, but 1024"):
        read_checkpoint(path, PANEL, embeddings, encoders=["uni"])
    with pytest.raises(CheckpointMismatch, match=r"7 features of uni\+conch, but 1536"):
        read_checkpoint(path, PANEL, embeddings)
    with pytest.raises(EncoderError, match="Encoder 'resnet19' is unknown"):
        read_checkpoint(path, PANEL, embeddings, encoders=["resnet19"])


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """Two slides of which upstream's notebook saved everything."""
    root = tmp_path / "PRAD"
    processed = root / "processed_data"
    (root / "st").mkdir(parents=True)
    processed.mkdir()
    (processed / "all_slide_lst.txt").write_text("MEND139\nMEND140\n")
    (processed / "selected_gene_list.txt").write_text("\n".join(PANEL) + "\n")
    random = torch.Generator().manual_seed(0)
    for encoder, width in (("uni", 1024), ("conch", 512)):
        for kind, views in (("", ()), ("_aug", (7,))):
            folder = processed / f"1spot_{encoder}_ebd{kind}"
            folder.mkdir()
            for slide in ("MEND139", "MEND140"):
                vectors = torch.randn(8, *views, width, generator=random)
                torch.save(vectors, folder / f"{slide}_{encoder}{kind}.pt")
    return root


def test_a_processed_data_set_is_read(data_set: Path):
    assert is_upstream(data_set)
    data = open_upstream(data_set)
    assert (data.slides, data.panel) == (("MEND139", "MEND140"), tuple(PANEL))
    conditions = data.embeddings("MEND140")
    assert conditions.shape == (8, 1536)
    conch = torch.load(data_set / "processed_data/1spot_conch_ebd/MEND140_conch.pt")
    np.testing.assert_array_equal(conditions[:, 1024:], conch)  # after UNI's
    assert data.augmented("MEND140").shape == (8, 7, 1536)
    assert data.spots("MEND140") == data_set / "st" / "MEND140.h5ad"


def test_damaged_data_sets_are_refused(data_set: Path, tmp_path: Path):
    with pytest.raises(SpotsNotFound, match=r"all_slide_lst\.txt"):
        open_upstream(tmp_path)
    with pytest.raises(SpotsNotFound, match="no embeddings of virchow"):
        open_upstream(data_set, encoders=["virchow"])
    data = open_upstream(data_set)
    with pytest.raises(SpotsError, match="no slide 'X' in this data set; it has MEND139"):
        data.embeddings("X")
    path = data_set / "processed_data/1spot_conch_ebd/MEND139_conch.pt"
    torch.save(torch.zeros(7, 512), path)
    with pytest.raises(SpotsError, match="embeddings of different spots"):
        data.embeddings("MEND139")
    torch.save({"a": 1}, path)
    with pytest.raises(SpotsError, match=r"tensor of 2 dimensions.*MEND139_conch\.pt'"):
        data.embeddings("MEND139")
    path.unlink()
    with pytest.raises(SpotsError, match=r"could not be read.*MEND139_conch\.pt'"):
        data.embeddings("MEND139")


def test_the_command_imports_a_checkpoint(data_set: Path, tmp_path: Path):
    path = written(tmp_path / "0250000.pt", upstream_weights(numbers=1024))
    output = tmp_path / "prad.safetensors"
    arguments = [
        "import",
        path,
        data_set,
        "-o",
        output,
        "--encoder",
        "uni",
        "--held-out",
        "MEND139",
    ]
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert "5 genes, 8 training spots" in result.output
    assert load_checkpoint(output).recipe.panel == tuple(PANEL)


def test_the_command_imports_a_checkpoint_of_uni_and_conch(data_set: Path, tmp_path: Path):
    path = written(tmp_path / "0250000.pt", upstream_weights(numbers=1536))
    output = tmp_path / "prad.safetensors"
    arguments = ["import", str(path), str(data_set), "-o", str(output)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "5 genes, 16 training spots" in result.output
    loaded = load_checkpoint(output)
    assert [encoder.name for encoder in loaded.recipe.encoders] == ["uni", "conch"]
    assert loaded.condition.width == 1536
