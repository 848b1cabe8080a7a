"""Training according to a plan, in a run folder that records the status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.evaluation.predictability import iter_predictability
from napari_stem.events import Events
from napari_stem.features.compute import Compute
from napari_stem.genes.panels import deg, hmhvg, hvg, measured_genes
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.named import open_named
from napari_stem.sections.section import Section
from napari_stem.training.cross_validation import iter_cross_validate
from napari_stem.training.distill import student_recipe
from napari_stem.training.loop import never
from napari_stem.training.plan import PanelChoice, SectionSource, TrainPlan
from napari_stem.training.run_folder import held, read_plan, write_status
from napari_stem.training.run_history import recorded
from napari_stem.training.team import follows
from napari_stem.training.train import TrainResult, hold_out_spots, iter_train

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from napari_stem.evaluation.evaluate import Evaluation


def iter_run(
    folder: Path, *, cache: Path | None = None, finish_now: Callable[[], bool] = never
) -> Events[TrainResult]:
    """Start or resume the run of a folder that `run_folder.create_run` made.

    Raises
    ------
    StemError
        It cannot run; the folder records the reason, too.
    """
    plan = read_plan(folder)
    if only_helps(folder):
        return (yield from _iter_planned(plan, folder, cache, finish_now))
    with held(folder):
        write_status(folder, standing="running", reason="")
        try:
            result = yield from recorded(_iter_planned(plan, folder, cache, finish_now), folder)
        except (GeneratorExit, KeyboardInterrupt):
            write_status(folder, standing="paused")
            raise
        except Exception as error:
            write_status(folder, standing="failed", reason=" ".join(str(error).split()))
            raise
        about = result.checkpoint.about
        write_status(
            folder, standing="finished", step=about["step"], methods=about.get("scores", {})
        )
        return result


def only_helps(folder: Path) -> bool:
    """Whether this process takes part in a run that another one shows and saves."""
    plan = read_plan(folder)
    return plan.devices * plan.nodes > 1 and follows()


def _iter_planned(
    plan: TrainPlan, folder: Path, cache: Path | None, finish_now: Callable[[], bool]
) -> Events[TrainResult]:
    with ExitStack() as slides:

        def opened(source: SectionSource) -> Section:
            section = open_source(source)
            slides.enter_context(section.slide)
            return section

        training = [opened(source) for source in plan.sections]
        tested = [opened(source) for source in plan.held_out]
        if plan.held_out_share:
            halves = [hold_out_spots(section, plan.held_out_share) for section in training]
            training, tested = [half[0] for half in halves], [half[1] for half in halves]
        options, compute = planned_work(plan, cache)
        tables = [[section.spots for section in part] for part in (training, tested)]
        teacher = load_checkpoint(plan.distill) if plan.distill else None
        recipe = (
            student_recipe(teacher.recipe, plan.evaluations, plan.fit)
            if teacher
            else planned_recipe(plan, *tables)
        )
        return (
            yield from iter_train(
                training, recipe, folder, held_out=tested, options=options, compute=compute,
                teacher=teacher, keep=plan.keep, recalibrate=plan.recalibrate, devices=plan.devices,
                nodes=plan.nodes, finish_now=finish_now,
            )
        )  # fmt: skip


def iter_planned_folds(
    plan: TrainPlan, *, patients: Sequence[str] = (), cache: Path | None = None
) -> Events[tuple[Evaluation, ...]]:
    """Cross-validate a plan without a run folder; each fold chooses its panel by itself.

    Parameters
    ----------
    patients
        The patient of each section of the plan, to leave patients out instead of sections.

    Raises
    ------
    StemError
        A section cannot be used, or there are fewer than two sections or patients.
    """
    with ExitStack() as slides:
        sections = [open_source(source) for source in plan.sections]
        for section in sections:
            slides.enter_context(section.slide)
        options, compute = planned_work(plan, cache)
        recipe = partial(planned_recipe, plan)
        return (
            yield from iter_cross_validate(sections, recipe, options, compute, patients=patients)
        )


def iter_planned_estimate(plan: TrainPlan, *, cache: Path | None = None) -> Events[pd.DataFrame]:
    """How predictable the genes of a plan are, from its training sections; nothing is trained.

    Returns
    -------
    As `evaluation.predictability.iter_predictability`.

    Raises
    ------
    StemError
        A section cannot be used, or does not have such genes.
    """
    with ExitStack() as slides:
        training, tested = (
            [slides.enter_context(open_source(source)) for source in sources]
            for sources in (plan.sections, plan.held_out)
        )
        tables = [[section.spots for section in part] for part in (training, tested)]
        _, compute = planned_work(plan, cache)
        return (yield from iter_predictability(training, planned_recipe(plan, *tables), compute))


def planned_work(plan: TrainPlan, cache: Path | None) -> tuple[PredictOptions, Compute]:
    """How a plan draws for its evaluation, and what it computes with."""
    weights = {name: Path(path) for name, path in plan.weights.items()}
    return (
        PredictOptions(n_draws=plan.draws, seed=plan.fit.get("seed", 0)),
        Compute(
            device=plan.device,
            compile=plan.compile,
            cache=cache,
            weights=weights,
            allow_low_resolution=plan.allow_low_resolution,
        ),
    )


def open_source(source: SectionSource) -> Section:
    """Open a section of a plan.

    Raises
    ------
    SlideError, SpotsError
        A part is missing or damaged, or the spots do not lie on the slide.
    """
    return open_named(
        source.path, image=source.image or None, mpp=source.mpp, bin_um=source.bin_um,
        symbols=source.symbols, opening=source.opening,
    )  # fmt: skip


def choose_panel(
    choice: PanelChoice, tables: Sequence[AnnData], held_out: Sequence[AnnData] = ()
) -> list[str]:
    """The genes of a choice, of the training sections' spot tables.

    Parameters
    ----------
    held_out
        Tables of the held-out sections: they must have measured the genes, too, but their counts
        choose none.

    Raises
    ------
    PanelError
        The sections do not have such genes.
    """
    match choice.select:
        case "hmhvg":
            return hmhvg(tables, choice.n, measured_by=held_out)
        case "hvg":
            return hvg(tables, choice.n, measured_by=held_out)
        case "deg":
            return deg(tables, choice.by, choice.n, measured_by=held_out)
        case "list":
            for table in (*tables, *held_out):
                measured_genes(choice.genes, table.var, "the sections")
            return list(choice.genes)


def planned_recipe(
    plan: TrainPlan, tables: Sequence[AnnData], held_out: Sequence[AnnData] = ()
) -> Recipe:
    """The recipe of a plan, for the spot tables of its training and held-out sections."""
    return make_recipe(
        plan.preset,
        choose_panel(plan.panel, tables, held_out),
        encoders=plan.encoders,
        transform=plan.transform,
        geometry=plan.geometry,
        stain=plan.stain,
        surroundings=plan.surroundings,
        fit=plan.fit,
    )
