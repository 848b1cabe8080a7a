"""Workers as jobs of SLURM."""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
from typing import Any

from napari_stem.cohort.crew import LOOPBACK, REUSE, Crew, lanes
from napari_stem.errors import CohortError, OptionError
from napari_stem.extras import extra
from napari_stem.text import one_line

_CORES, _MEMORY, _TIME = 8, "32G", "12:00:00"  # of a job whose options do not tell


def slurm_cluster(crew: Crew) -> Any:
    """A scheduler here, and jobs whose workers connect to it as they start.

    Raises
    ------
    OptionError
        The extra "slurm" is missing, or the options cannot be read.
    CohortError
        SLURM is not here, or refuses such a job.
    """
    settings = job_settings(crew)
    with extra("slurm", "SLURM"):
        from dask_jobqueue.slurm import SLURMCluster
    if shutil.which("sbatch") is None:
        raise CohortError("This machine has no sbatch. Start from a login node of the cluster.")
    cluster = SLURMCluster(**settings)
    try:
        _check(cluster.job_script())
        cluster.scale(jobs=1 if crew.workers is None else max(crew.workers, 1))
    except BaseException:
        cluster.close()
        raise
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
    try:
        known, others = _parser().parse_known_args(words)
    except argparse.ArgumentError as error:
        raise OptionError(f"slurm is '{crew.slurm}': {error}.") from error
    threads = crew.threads or known.cores
    return {
        "job_name": "napari-stem",
        "job_cpu": known.cores,
        "cores": lanes(threads),  # tasks that its worker does at once
        "processes": 1,
        "memory": _bytes(known.memory),
        "walltime": known.time,
        "job_extra_directives": _directives(others),
        "scheduler_options": {"dashboard_address": f"{LOOPBACK}:0"},  # reached by a tunnel
        "job_script_prologue": [
            f"export OMP_NUM_THREADS={max(1, threads // lanes(threads))}",
            *(f"export {name}={size}" for name, size in REUSE.items()),
        ],
    }


def _check(script: str) -> None:
    """Ask SLURM whether it would take a job; what it refuses later, nobody would hear of."""
    command = ["sbatch", "--test-only"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CohortError(f"SLURM refuses the job: {one_line(done.stderr, 300)}.")


def _directives(words: list[str]) -> list[str]:
    """Options, each with its value."""
    found: list[str] = []
    for word in words:
        if word.startswith("-") or not found:
            found.append(word)
        else:
            found[-1] += f" {word}"
    return found


def _bytes(memory: str) -> str:
    """Memory as dask writes it; sbatch counts in powers of two, in MB without a unit."""
    number, unit = memory.rstrip("KMGTBkmgtb"), memory.lstrip("0123456789.").upper().rstrip("B")
    return f"{number}{unit or 'M'}iB"


def _parser() -> argparse.ArgumentParser:
    """What dask-jobqueue must know of a job; all else is handed on."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--cpus-per-task", dest="cores", type=int, default=_CORES)
    parser.add_argument("--mem", dest="memory", default=_MEMORY)
    parser.add_argument("-t", "--time", dest="time", default=_TIME)
    return parser
