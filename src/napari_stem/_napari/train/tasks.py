"""Work that the training dialog runs in a thread, as generators for `worker.start`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem._napari.shell.hints import in_words
from napari_stem._napari.shell.imports import importing, load_triton_apart
from napari_stem.events import Event, Events, Progress
from napari_stem.training.run_folder import Run, delete_run, install, list_runs
from napari_stem.training.run_history import read_history

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.training.plan import PanelChoice, SectionSource, TrainPlan
    from napari_stem.training.preflight import SectionCheck


@dataclass(frozen=True, slots=True)
class FoundPanel:
    """The selected genes, or the problem with the choice; and the annotation columns."""

    genes: tuple[str, ...] = ()
    problem: str = ""
    missing: tuple[str, ...] = ()
    columns: dict[str, int] = field(default_factory=dict)


def find_devices() -> Events[list[str]]:
    """Names of the devices that are here."""
    yield Progress(0, 0, "look", "devices")
    load_triton_apart()
    with importing:
        from napari_stem.devices import present_devices

    return present_devices()


def find_sections(folder: Path) -> Events[list[str]]:
    """Paths of the sections in a folder; the folder itself if it is a section."""
    yield Progress(0, 0, "read", folder.name)
    with importing:
        from napari_stem.io import find_sections

    return [str(path) for path in find_sections(folder)]


def inspect(source: SectionSource) -> Events[SectionCheck]:
    """Check whether a section can be used for training."""
    yield Progress(0, 0, "read", source.name)
    load_triton_apart()
    with importing:
        from napari_stem.training.preflight import check_section

    return check_section(source)


def find_panel(
    choice: PanelChoice, tables: Sequence[AnnData], held_out: Sequence[AnnData] = ()
) -> Events[FoundPanel]:
    """Select genes; a problem with the choice is returned, not raised."""
    yield Progress(0, 0, "choose", "genes")
    load_triton_apart()
    with importing:
        from napari_stem.errors import StemError
        from napari_stem.genes.panels import genes_of_all, region_columns
        from napari_stem.training.run import choose_panel

    columns = region_columns(tables)
    everywhere = set(genes_of_all(choice.genes, [*tables, *held_out]))
    missing = tuple(gene for gene in choice.genes if gene not in everywhere)
    if choice.select == "list" and not choice.genes:
        return FoundPanel(problem="the list is empty. Type or load genes.", columns=columns)
    try:
        return FoundPanel(tuple(choose_panel(choice, tables, held_out)), columns=columns)
    except StemError as error:
        return FoundPanel((), in_words(error), missing, columns)


def estimate(plan: TrainPlan) -> Events[list[str]]:
    """How well the image tells the genes of a plan, in lines of text."""
    yield Progress(0, 0, "estimate", "genes")
    load_triton_apart()
    with importing:
        from napari_stem.evaluation.predictability import predictability_in_words
        from napari_stem.storage import cache_dir
        from napari_stem.training.run import iter_planned_estimate

    table = yield from iter_planned_estimate(plan, cache=cache_dir())
    return predictability_in_words(table)


def read_genes(path: Path) -> Events[list[str]]:
    """Read the gene symbols in a file."""
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem.genes.panels import read_panel

    return read_panel(path)


def find_runs(folders: Iterable[Path]) -> Events[list[Run]]:
    """The runs in these folders."""
    yield Progress(0, 0, "read", "runs")
    return list_runs(*folders)


def read_curves(folder: Path) -> Events[list[Event]]:
    """The recorded events of a run."""
    yield Progress(0, 0, "read", folder.name)
    return read_history(folder)


def install_checkpoint(folder: Path) -> Events[Path]:
    """Copy the checkpoint of a finished run to the folder of installed checkpoints."""
    yield Progress(0, 0, "install", folder.name)
    return install(folder)


def remove_run(folder: Path) -> Events[None]:
    """Delete the folder of a run."""
    yield Progress(0, 0, "delete", folder.name)
    delete_run(folder)
