"""Draws on disk are whole or missing, grow, and are summarised as numpy would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from napari_stem.errors import CheckpointError, StorageError
from napari_stem.events import finish
from napari_stem.prediction.draws import DrawStore

SIZES = {"n_spots": 300, "n_genes": 3}
RANDOM = np.random.default_rng(0)


def fill(store: DrawStore, n_draws: int) -> np.ndarray:
    """Random values, as float16 keeps them."""
    values = RANDOM.normal(5, 1, (n_draws, 300, 3)).astype(np.float16).astype(np.float32)
    for draw in range(n_draws):
        for rows in store.blocks():
            store.write(draw, rows, values[draw, rows])
    return values


def held(store: DrawStore) -> list[bool]:
    """Whether each draw is there for all spots."""
    return [store.has(draw, slice(None)) for draw in range(store.n_draws)]


def test_a_summary_over_blocks_equals_that_of_all_draws_at_once():
    functions = [lambda draws: draws.mean(axis=0), lambda draws: draws.max(axis=0)]
    with DrawStore.create(None, key="k", n_draws=20, **SIZES) as store:
        values = fill(store, 20)
        mean, highest = finish(store.iter_summary(functions))
        (of_four,) = finish(store.iter_summary(functions[:1], n_draws=4))
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-5)
    np.testing.assert_array_equal(highest, values.max(axis=0))
    np.testing.assert_allclose(of_four, values[:4].mean(axis=0), rtol=1e-5)


def test_a_store_says_what_it_holds():
    with DrawStore.create(None, key="k", n_draws=3, **SIZES) as store:
        first, second = store.blocks()
        assert (first, second) == (slice(0, 256), slice(256, 300))
        store.write(0, first, np.ones((256, 3), np.float32))
        assert store.has(0, first)
        assert not store.has(0, second)
        store.write(0, second, np.ones((44, 3), np.float32))
        assert held(store) == [True, False, False]


def test_a_store_of_the_same_key_is_found_again_and_grows(tmp_path: Path):
    path = tmp_path / "draws.zarr"
    values = fill(DrawStore.create(path, key="k", n_draws=2, **SIZES), 2)
    again = DrawStore.open_or_create(path, key="k", n_draws=5, **SIZES)
    assert held(again) == [True, True, False, False, False]
    np.testing.assert_array_equal(again.read(draws=slice(2)), values)
    fewer = DrawStore.open_or_create(path, key="k", n_draws=1, **SIZES)
    assert held(fewer) == [True, True, False, False, False]


@pytest.mark.parametrize("other", [{"key": "other"}, {"n_genes": 4}, {"n_spots": 299}])
def test_draws_of_something_else_are_replaced(tmp_path: Path, other: dict):
    path = tmp_path / "draws.zarr"
    fill(DrawStore.create(path, key="k", n_draws=2, **SIZES), 2)
    store = DrawStore.open_or_create(path, **({"key": "k", "n_draws": 2, **SIZES} | other))
    assert held(store) == [False, False]


def test_a_damaged_store_is_drawn_again(tmp_path: Path):
    path = tmp_path / "draws.zarr"
    fill(DrawStore.create(path, key="k", n_draws=2, **SIZES), 2)
    (path / "draws" / "zarr.json").write_text("{")
    assert held(DrawStore.open_or_create(path, key="k", n_draws=2, **SIZES)) == [False, False]


def test_draws_that_vanish_or_are_damaged_are_refused(tmp_path: Path):
    """Also between the last draw and the summary: a full answer or none."""
    path = tmp_path / "draws.zarr"
    store = DrawStore.create(path, key="k", n_draws=2, **SIZES)
    fill(store, 2)
    chunk = path / "draws" / "c" / "1" / "1" / "0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 4
    chunk.write_bytes(content)
    assert not store.has(1, slice(256, 300))
    for act in (
        lambda: store.draw(1),
        lambda: store.read(slice(256, 300)),
        lambda: finish(store.iter_summary([lambda draws: draws.mean(axis=0)])),
    ):
        with pytest.raises(StorageError, match=r"missing or damaged.* Predict again"):
            act()
    assert store.read(draws=slice(1)).shape == (1, 300, 3)
    shutil.rmtree(path)
    with pytest.raises(StorageError, match="missing or damaged"):
        store.draw(0)
    with pytest.raises(StorageError, match="missing or damaged"):
        store.write(0, slice(0, 256), np.ones((256, 3), np.float32))


def test_values_that_are_not_finite_are_never_kept():
    with DrawStore.create(None, key="k", n_draws=1, **SIZES) as store:
        values = np.ones((256, 3), np.float32)
        values[7, 2] = np.nan
        with pytest.raises(CheckpointError, match="not finite"):
            store.write(0, slice(0, 256), values)
        assert held(store) == [False]


def test_a_temporary_store_vanishes_and_a_kept_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    temporary = DrawStore.create(None, key="k", n_draws=1, **SIZES)
    kept = DrawStore.create(tmp_path / "draws.zarr", key="k", n_draws=1, **SIZES)
    assert list(folder.iterdir())
    temporary.close()
    kept.close()
    assert not list(folder.iterdir())
    assert (tmp_path / "draws.zarr").is_dir()


def test_a_store_that_is_gone_says_so(tmp_path: Path):
    with pytest.raises(StorageError, match="missing or damaged"):
        DrawStore.open(tmp_path / "none.zarr")
