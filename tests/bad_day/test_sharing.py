"""Several programs work in the same folders at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_stem as stem

from .programs import Start, finish, values


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_programs_that_share_a_cache_agree(
    predicting: Start,
    undisturbed: tuple[Path, float],
    times: int,
    tmp_path: Path,
):
    for attempt in range(times):
        cache = tmp_path / f"cache-{attempt}"
        folders = [tmp_path / f"{attempt}-{number}" for number in range(2 + 2 * (attempt % 2))]
        for folder in folders:
            folder.mkdir()
        for process in [predicting(folder, cache) for folder in folders]:
            finish(process)
        for folder in folders:
            np.testing.assert_array_equal(values(folder), values(undisturbed[0]))


@pytest.mark.thorough
@pytest.mark.timeout(0)
def test_of_programs_that_train_one_run_one_wins_and_the_others_say_so(
    training: Start, trained_undisturbed: str, times: int, tmp_path: Path
):
    for attempt in range(times):
        folder = tmp_path / str(attempt)
        processes = [training(folder) for _ in range(4)]
        told = [process.communicate(timeout=500)[0] for process in processes]
        lost = [text for text, process in zip(told, processes, strict=True) if process.returncode]
        assert len(lost) < 4, told
        for text in lost:
            assert "Traceback" not in text
            assert "is already running" in text.strip().splitlines()[-1]
        found = stem.load_checkpoint(folder / "checkpoint.safetensors")
        assert found.fingerprint == trained_undisturbed
