"""Who works on a cohort, as options that every front end offers."""

from __future__ import annotations

import os
from dataclasses import dataclass

from napari_stem.errors import OptionError
from napari_stem.options import check_options, option

LOOPBACK = "127.0.0.1"  # what is bound to it is reached from this machine alone
# Bytes. Dask's workers return the memory of each large array at once, and the system clears it anew
# for the next one: half as long again for a slide.
REUSE = {"MALLOC_TRIM_THRESHOLD_": 256 << 20, "MALLOC_MMAP_THRESHOLD_": 32 << 20}


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers of a cohort: of this machine unless a scheduler or SLURM is named."""

    scheduler: str = option(
        "",
        "Scheduler",
        "Address of a running dask scheduler, such as tcp://10.0.0.1:8786, whose workers do the "
        "work.",
    )
    workers: int | None = option(
        None,
        "Workers",
        "Processes that work on slides, or jobs of SLURM; automatic is one per GPU, or a single "
        "one. 0 works within this process.",
        kind=int,
        minimum=0,
        maximum=10_000,
        unset="automatic",
    )
    threads: int | None = option(
        None,
        "Threads per worker",
        "Automatic shares the cores of the machine. With 1, a worker embeds and draws in turn; "
        "with more, it embeds the next slide while it draws.",
        kind=int,
        minimum=1,
        maximum=1024,
        unset="automatic",
        advanced=True,
    )
    slurm: str = option(
        "",
        "SLURM",
        'Start workers as jobs of SLURM with these options of sbatch, such as "--partition=gpu '
        '--gres=gpu:1 --cpus-per-task=8 --mem=64G --time=12:00:00".',
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.scheduler and (self.slurm or self.workers is not None):
            raise OptionError(
                "A scheduler has workers of its own. Leave out workers and slurm, or the scheduler."
            )

    def threads_of(self, n_workers: int) -> int:
        """Threads of each of so many workers of this machine."""
        return self.threads or max(1, (os.cpu_count() or 1) // max(n_workers, 1))


def lanes(threads: int) -> int:
    """Tasks that a worker with so many threads does at once: it embeds, and it draws."""
    return min(threads, 2)
