"""From paired sections to a checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_stem.checkpoints.checkpoint import Checkpoint, save_checkpoint
from napari_stem.checkpoints.gene_trust import as_description
from napari_stem.checkpoints.learned import all_learned, kept_traces, traces
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.defaults import Keep
from napari_stem.errors import OptionError
from napari_stem.evaluation.comparison import pooled
from napari_stem.evaluation.evaluate import Evaluation, iter_evaluate, tested_spots
from napari_stem.evaluation.folds import folds
from napari_stem.evaluation.live import LiveMetrics, variation
from napari_stem.evaluation.seen import check_apart
from napari_stem.events import Events, Metrics, Variation
from napari_stem.features.compute import Compute
from napari_stem.features.condition import Condition
from napari_stem.features.encoders.hub import stamps
from napari_stem.features.patches import VIEWS
from napari_stem.model.diffusion import Schedule
from napari_stem.model.network import StemNetwork
from napari_stem.model.readout import Readout
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.paired_data import PairedData, check_training, iter_paired_data
from napari_stem.sections.section import Section
from napari_stem.spots.provenance import software_versions
from napari_stem.spots.table import pitch, spot_diameter
from napari_stem.text import counted
from napari_stem.training.distill import Teacher, check_unseen
from napari_stem.training.loop import iter_fit, never
from napari_stem.training.recalibrate import check_enough, iter_recalibrate
from napari_stem.training.run_folder import CHECKPOINT, STATE
from napari_stem.training.targets import iter_examples, iter_readout


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """A finished run.

    Attributes
    ----------
    path
        Where the checkpoint lies.
    evaluations
        Metrics of each held-out section.
    """

    checkpoint: Checkpoint
    path: Path
    evaluations: tuple[Evaluation, ...] = ()

    def __repr__(self) -> str:
        tested = f", {counted(len(self.evaluations), 'held-out section')}"
        return f"<TrainResult {self.checkpoint!r} at '{self.path}'{tested}>"

    @property
    def evaluation(self) -> Evaluation | None:
        """Evaluation of the first held-out section; None without one."""
        return self.evaluations[0] if self.evaluations else None


def iter_train(
    sections: Sequence[Section],
    recipe: Recipe,
    run_folder: Path,
    *,
    held_out: Sequence[Section] = (),
    options: PredictOptions | None = None,
    compute: Compute | None = None,
    teacher: Checkpoint | None = None,
    keep: Keep = "last",
    recalibrate: bool = False,
    devices: int = 1,
    nodes: int = 1,
    finish_now: Callable[[], bool] = never,
) -> Events[TrainResult]:
    """Train on sections with counts; evaluate on held-out ones; save the checkpoint.

    Quick metrics on the held-out spots are reported during training, for the model and for the
    baselines (ridge regression and nearest neighbours).

    Parameters
    ----------
    run_folder
        Folder for the state and, at the end, the checkpoint. The same call with the same folder
        resumes a stopped run.
    held_out
        Sections that training never sees; their loss is reported while training runs.
    teacher
        What the network is distilled from; the recipe is that of `distill.student_recipe`.
    keep
        "best" keeps the weights with the lowest loss on the held-out sections, which makes their
        metrics a little optimistic; "last" keeps those of the last step.
    recalibrate
        Whether draws spread as far as intervals need to hold at the spots of held-out sections.
    devices, nodes
        As in `team.Team`: this process returns, the others end where training does.
    finish_now
        If it returns True, training ends; the weights so far are evaluated and saved.

    Raises
    ------
    StemError
        A section, the panel or the recipe cannot be used; nothing was written then.
    """
    if not sections:
        raise OptionError("No section is left for training. Add a section that is not held out.")
    options, compute = options or PredictOptions(), compute or Compute()
    # Before the long work on the others.
    n_tested = sum(tested_spots(section, recipe.panel).n_obs for section in held_out)
    if recalibrate:
        check_enough(n_tested)
    check_apart([*sections, *held_out], recipe.panel)
    if teacher:
        check_unseen(teacher, held_out)
    views = range(VIEWS) if recipe.fit.augmented else (0,)
    known = yield from iter_paired_data(sections, recipe, compute, views=views)
    check_training(known)
    unseen = (yield from iter_paired_data(held_out, recipe, compute)) if held_out else None
    if teacher:
        condition, readout = teacher.condition, teacher.readout
    else:
        condition, readout = yield from _iter_prepare(recipe, known, sections, compute.cache)
    prepare = partial(iter_examples, recipe, condition, readout, scratch=compute.cache)
    examples = yield from prepare(known, sections)
    validation = (yield from prepare(unseen, held_out)) if unseen else None
    sized = replace(recipe.network, condition_width=condition.width, n_genes=readout.width)
    recipe = replace(recipe, network=sized)
    network, schedule = _untrained(recipe), Schedule(recipe.diffusion)
    if teacher:
        network.load_state_dict(teacher.network.state_dict())
    checkpoint = Checkpoint(recipe, network, condition, readout)
    live = LiveMetrics(checkpoint, known, unseen, compute) if unseen else None
    fitted = yield from iter_fit(
        network,
        schedule,
        examples,
        recipe.fit,
        validation=validation,
        keep=keep,
        measure=live,
        teacher=Teacher(teacher.network, schedule) if teacher else None,
        finish_now=finish_now,
        state_path=run_folder / STATE,
        identity=_identity(recipe, known, [*sections, *held_out], compute, teacher),
        device=compute.device,
        compile=compute.compile,
        devices=devices,
        nodes=nodes,
    )
    about = {**_about(sections, recipe, len(known.values)), "step": fitted.step}
    if teacher:
        about |= all_learned(teacher.about, about)
    if used := stamps(recipe.encoders, compute.weights):
        about["weights"] = used
    checkpoint = replace(checkpoint, network=fitted.network, about=about)
    path = save_checkpoint(checkpoint, run_folder / CHECKPOINT)  # whatever becomes of its metrics
    if recalibrate and unseen:
        checkpoint = yield from iter_recalibrate(checkpoint, unseen, options, compute)
    evaluations = []
    for section in held_out:
        evaluations.append((yield from iter_evaluate(checkpoint, section, known, options, compute)))
    if evaluations:
        metrics = held_out_metrics(evaluations)
        checkpoint = replace(checkpoint, about={**about, "kept": keep, **metrics})
        ceilings = pooled([evaluation.comparison for evaluation in evaluations]).ceilings
        yield Metrics(fitted.step, options.n_draws, metrics["scores"], ceilings)
        yield _variation(fitted.step, recipe.panel, evaluations)
        save_checkpoint(checkpoint, path)
    return TrainResult(checkpoint, path, tuple(evaluations))


def hold_out_spots(section: Section, share: float) -> tuple[Section, Section]:
    """Cut a section in two: spots to train on, and a strip at its right to hold out.

    A strip, because neighbours resemble each other: random spots would give optimistic metrics.

    Raises
    ------
    OptionError
        `share` is not between 0 and 1, or leaves one side empty.
    """
    x = section.spots.obsm["spatial"][:, 0]
    strip = x > np.quantile(x, 1 - share) if 0 < share < 1 else np.zeros(len(x), bool)
    if not strip.any() or strip.all():
        raise OptionError(
            f"A held-out share of {share} of the {len(x)} spots of {section.name} leaves "
            "no spots for training or none held out. Choose a share such as 0.2."
        )
    return (
        replace(section, spots=section.spots[~strip].copy()),
        replace(section, name=f"{section.name} (held out)", spots=section.spots[strip].copy()),
    )


def held_out_metrics(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """What a checkpoint tells of its metrics on sections that training never saw."""
    every = pooled([evaluation.comparison for evaluation in evaluations])
    return {
        "held_out": ", ".join(evaluation.section for evaluation in evaluations),
        "scores": every.scores,
        **as_description(every.held_out()),
    }


def _iter_prepare(
    recipe: Recipe, known: PairedData, sections: Sequence[Section], scratch: Path | None
) -> Events[tuple[Condition, Readout]]:
    """What a network is told of a spot, and what its numbers will mean."""
    condition = Condition.fit(
        known.original,
        components=recipe.components,
        noise=recipe.embedding_noise,
        apart=folds(known),
    )
    return condition, (yield from iter_readout(recipe, condition, known, sections, scratch))


def _untrained(recipe: Recipe) -> StemNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(recipe.fit.seed)
        return StemNetwork(recipe.network)


def _identity(
    recipe: Recipe,
    known: PairedData,
    sections: Sequence[Section],
    compute: Compute,
    teacher: Checkpoint | None,
) -> str:
    """What a run learns, from which spots of which slides, and what it is tested on."""
    slides = [(each.slide.fingerprint, each.slide.mpp, each.spots.n_obs) for each in sections]
    about = slides, stamps(recipe.encoders, compute.weights)
    digest = hashlib.sha256(recipe.to_json().encode())
    digest.update((teacher.fingerprint if teacher else "").encode())
    for part in (known.positions.tobytes(), known.values.tobytes(), repr(about).encode()):
        digest.update(part)
    return digest.hexdigest()


def _about(sections: Sequence[Section], recipe: Recipe, n_spots: int) -> dict[str, Any]:
    return {
        "sections": [section.name for section in sections],
        "slides": [section.slide.fingerprint for section in sections],
        "spots": n_spots,
        **_grid(sections),
        "traces": kept_traces([traces(s.spots, recipe.panel, s.name) for s in sections]),
        "versions": software_versions(),
    }


def _grid(sections: Sequence[Section]) -> dict[str, float]:
    """Pitch and diameter of the spots in micrometres, the medians of sections of known scale."""
    sizes = [
        (pitch(section.spots) * section.slide.mpp, spot_diameter(section.spots) * section.slide.mpp)
        for section in sections
        if section.slide.mpp is not None and section.spots.n_obs > 1
    ]
    if not sizes:
        return {}
    usual = np.round(np.median(sizes, axis=0)).tolist()
    return dict(zip(("pitch_um", "diameter_um"), usual, strict=True))


def _variation(step: int, panel: tuple[str, ...], evaluations: Sequence[Evaluation]) -> Variation:
    truth = np.concatenate([np.asarray(e.prediction.layers["truth"]) for e in evaluations])
    mean = np.concatenate([np.asarray(e.prediction.X) for e in evaluations])
    return variation(step, panel, truth, mean)
