"""Workers as jobs of SLURM."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from napari_stem.cohort.crew import Crew, lanes
from napari_stem.errors import OptionError
from napari_stem.extras import extra

_CORES, _MEMORY = 8, "32G"  # of a job whose options do not tell


def slurm_cluster(crew: Crew) -> Any:
    """A scheduler here, and jobs whose workers connect to it as they start.

    Raises
    ------
    OptionError
        The extra "slurm" is missing, or the options cannot be read.
    """
    with extra("slurm", "SLURM"):
        from dask_jobqueue import SLURMCluster
    cluster = SLURMCluster(**job_settings(crew))
    cluster.scale(jobs=1 if crew.workers is None else max(crew.workers, 1))
    return cluster


def job_settings(crew: Crew) -> dict[str, Any]:
    """A worker's job, as dask-jobqueue takes it, of options as sbatch takes them.

    Raises
    ------
    OptionError
        The options cannot be read.
    """
    try:
        words = shlex.split(crew.slurm)
    except ValueError as error:
        raise OptionError(f"slurm is '{crew.slurm}', which cannot be read: {error}.") from error
    known, others = _parser().parse_known_args(words)
    if strange := [word for word in others if not word.startswith("-")]:
        raise OptionError(
            f"slurm has '{strange[0]}'; write options of sbatch with their values as in "
            "--partition=gpu."
        )
    threads = crew.threads or known.cores
    # sbatch counts in powers of two, dask in powers of ten unless told.
    memory = known.memory if known.memory[-1:].isdigit() else f"{known.memory.rstrip('Bb')}iB"
    return {
        "cores": known.cores,
        "processes": 1,
        "memory": f"{memory}MiB" if memory.isdigit() else memory,
        "walltime": known.time,
        "worker_extra_args": ["--nthreads", str(lanes(threads))],
        "job_extra_directives": others,
        "job_script_prologue": [f"export OMP_NUM_THREADS={max(1, threads // lanes(threads))}"],
    }


def _parser() -> argparse.ArgumentParser:
    """What dask-jobqueue must know of a job; all else is handed on."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--cpus-per-task", dest="cores", type=int, default=_CORES)
    parser.add_argument("--mem", dest="memory", default=_MEMORY)
    parser.add_argument("-t", "--time", dest="time", default="12:00:00")
    return parser
