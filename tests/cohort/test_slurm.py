"""The job of a worker on SLURM, as text; and, with a stand-in for SLURM, as a job that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import napari_stem as stem
from napari_stem.cohort.crew import Crew
from napari_stem.cohort.slurm import job_settings
from napari_stem.errors import CohortError, OptionError
from napari_stem.training.train import TrainResult

OPTIONS = "--partition=gpu --gres=gpu:1 -A lab -c 8 --mem=64G --time=2:00:00"
_SBATCH = """#!/bin/sh
if [ "$1" = --test-only ]; then cat > "{folder}/job"; exit {refuses}; fi
sh "$1" > "{folder}/log" 2>&1 &
echo "Submitted batch job $!"
"""


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SLURM that runs jobs here, at once."""
    pytest.importorskip("dask_jobqueue")
    for name, text in {"sbatch": _SBATCH, "scancel": '#!/bin/sh\nkill "$1"\n'}.items():
        (tmp_path / name).write_text(text.format(folder=tmp_path, refuses=0))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_a_job_asks_slurm_for_what_was_written_and_works_on_two_tasks():
    jobqueue = pytest.importorskip("dask_jobqueue")
    with jobqueue.SLURMCluster(**job_settings(Crew(slurm=OPTIONS))) as cluster:
        script = cluster.job_script()
    for line in ("--partition=gpu", "--gres=gpu:1", "-A lab", "--cpus-per-task=8", "--mem=64G"):
        assert f"#SBATCH {line}\n" in script
    assert "#SBATCH -t 2:00:00" in script
    assert "--nthreads 2 " in script  # it embeds and draws at once,
    assert "OMP_NUM_THREADS=4" in script  # each on half of the cores
    assert "export MALLOC_TRIM_THRESHOLD_=268435456\n" in script


@pytest.mark.parametrize(
    ("memory", "told"), [("64G", "64GiB"), ("64GB", "64GiB"), ("500", "500MiB"), ("2T", "2TiB")]
)
def test_memory_is_counted_as_sbatch_counts(memory: str, told: str):
    assert job_settings(Crew(slurm=f"--mem={memory}"))["memory"] == told


@pytest.mark.parametrize("options", ['--partition="gpu', "--cpus-per-task=many"])
def test_options_that_cannot_be_read_are_named(options: str):
    with pytest.raises(OptionError, match="slurm is"):
        job_settings(Crew(slurm=options))


def test_a_job_that_slurm_refuses_is_told_at_once(
    sbatch: Path, trained: TrainResult, saved: list[Path]
):
    refusing = _SBATCH.format(folder=sbatch, refuses='$(echo "no such partition" >&2; echo 1)')
    (sbatch / "sbatch").write_text(refusing)
    with pytest.raises(CohortError, match="no such partition"):
        stem.predict_cohort(saved[2], trained.path, sbatch / "out", slurm=OPTIONS, cache=sbatch)


@pytest.mark.thorough
def test_a_cohort_is_predicted_by_jobs(sbatch: Path, trained: TrainResult, saved: list[Path]):
    done = stem.predict_cohort(
        saved[2], trained.path, sbatch / "out", slurm=OPTIONS, n_draws=2, device="cpu", cache=sbatch
    )
    assert list(done.state) == ["done"]
