"""Metrics by leaving one of several sections out, for choosing the settings of the small preset.

    python benchmarks/leave_one_out.py her2st:C2 her2st:C3 her2st:C4 her2st:C5
    python benchmarks/leave_one_out.py her2st:C2 her2st:C3 her2st:C4 her2st:C5 --try preset adjacent

Each section is held out once; the genes are chosen without it. Without `--try`, the preset is
compared with the baselines, as `napari-stem cross-validate` does; with it, the preset is compared
with changes of it, of `CHANGES`, by the same code.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.cluster.hierarchy import average, leaves_list, optimal_leaf_ordering
from scipy.optimize import nnls
from scipy.spatial import KDTree
from sklearn.decomposition import PCA

from napari_stem.api.evaluation import cross_validate
from napari_stem.checkpoints.checkpoint import Checkpoint
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.cli.output import print_evaluations
from napari_stem.evaluation.folds import folds
from napari_stem.evaluation.metrics import METRICS
from napari_stem.evaluation.scoring import score
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.features.condition import Condition
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.genes.panels import hmhvg
from napari_stem.model.diffusion import Schedule, denoiser
from napari_stem.model.network import StemNetwork
from napari_stem.model.readout import Counts
from napari_stem.model.samplers import SAMPLERS, SUITED
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.paired_data import PairedData, iter_paired_data
from napari_stem.sections.public_data import sample_section
from napari_stem.sections.section import Section
from napari_stem.spots.table import pitch
from napari_stem.storage import cache_dir
from napari_stem.training.loop import iter_fit
from napari_stem.training.recalibrate import at_temperature, iter_recalibrate
from napari_stem.training.targets import iter_examples, iter_readout
from napari_stem.training.train import hold_out_spots

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    Array = NDArray[np.floating]
    Pair = tuple[Array, Array]

DRAWS = 20
NEIGHBOURS = 20  # training spots whose expression is looked up
FACTORS = 10  # principal components of that expression
TRIED_STEPS = (100, 200, 400, 800)
STRIP = 0.2  # of each training section, held out to choose the number of steps
POISSON = 9.0  # log size of a negative binomial distribution that is one of Poisson
SHOWN = (
    "pcc_10", "pcc_50", "pcc_all", "mae", "mse", "rvd", "fair_crps", "energy", "coverage_90",
    "gsc", "ssc",
)  # fmt: skip


@dataclass(frozen=True)
class Fold:
    """Sections to learn from and one to draw for, with what stands for the histology of spots."""

    recipe: Recipe
    known_sections: Sequence[Section]
    tested_section: Section
    known: PairedData
    tested: PairedData


@dataclass(frozen=True)
class Change:
    """One way to differ from the small preset.

    Attributes
    ----------
    recipe, network, fit
        Settings that replace those of the preset.
    seen
        Changes the embeddings of a fold.
    steps
        Chooses the number of training steps; that of the preset without it.
    grouped
        Whether genes that vary together follow each other, and so share a token.
    poisson
        Whether counts have no spread beyond chance.
    models
        Trained with other seeds; each gives its share of the draws.
    shared
        Length over which spots share the noise of a draw, in units of their pitch.
    recalibrated
        Whether the spread of draws is chosen on a strip of each training section.
    averaged
        Whether the prediction is a weighted average of statistics of the draws, learned on these
        strips. It has no spread, so that its row tells of metrics of the mean alone.
    """

    recipe: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)
    seen: Callable[[Fold], Fold] | None = None
    steps: Callable[[Fold], int] | None = None
    grouped: bool = False
    poisson: bool = False
    models: int = 1
    shared: float = 0.0
    recalibrated: bool = False
    averaged: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="+")
    parser.add_argument("--genes", type=int, default=300)
    parser.add_argument("--steps", type=int, nargs="+", default=[400])
    parser.add_argument("--try", dest="tried", nargs="+", choices=["all", *CHANGES])
    parser.add_argument("--held-out", nargs="+", help="the folds; all of them by default")
    given = parser.parse_args()
    sections = {name: sample_section(name) for name in given.sections}
    if given.tried:
        names = list(CHANGES) if "all" in given.tried else given.tried
        left_out = given.held_out or given.sections
        compare({name: CHANGES[name] for name in names}, sections, left_out, given.genes)
        return
    for steps in given.steps:
        print(f"{steps:,} steps")
        maker = partial(recipe_of, given.genes, steps)
        print_evaluations(cross_validate(list(sections.values()), maker))


def recipe_of(n_genes: int, steps: int, known: list[AnnData], held_out: list[AnnData]) -> Recipe:
    """The small preset; the held-out sections choose no gene, but must have measured each."""
    return make_recipe("small", hmhvg(known, n_genes, measured_by=held_out), fit={"steps": steps})


def compare(
    changes: Mapping[str, Change],
    sections: Mapping[str, Section],
    left_out: Sequence[str],
    n_genes: int,
) -> None:
    """Print a row a change: the mean of its metrics over the sections left out, by spots."""
    print("|", " | ".join(["change", *(METRICS[name].heading for name in SHOWN)]), "|")
    print("|---" * (1 + len(SHOWN)), "|", sep="")
    for label, change in changes.items():
        scores, spots = [], []
        for name in dict.fromkeys(left_out):
            fold = fold_of(change, [*sections.values()], sections[name], n_genes)
            found = score(
                draws_of(change, fold), fold.tested.values, fold.tested.positions, antithetic=True
            )
            scores.append([found[metric] for metric in SHOWN])
            spots.append(len(fold.tested.values))
        mean = dict(zip(SHOWN, np.average(scores, axis=0, weights=spots), strict=True))
        row = [label, *(METRICS[name].text(value) for name, value in mean.items())]
        print("|", " | ".join(row), "|", flush=True)


def fold_of(change: Change, sections: list[Section], tested: Section, n_genes: int) -> Fold:
    """The data of a fold as a change sees them."""
    known = [section for section in sections if section is not tested]
    recipe = recipe_of(n_genes, 400, [each.spots for each in known], [tested.spots])
    recipe = replace(
        recipe,
        network=replace(recipe.network, **change.network),
        fit=replace(recipe.fit, **change.fit),
        **change.recipe,
    )
    fold = paired(recipe, known, tested)
    if change.grouped:
        fold = paired(replace(recipe, panel=grouped(fold.known)), known, tested)
    return seen_by(change, fold)


def grouped(known: PairedData) -> tuple[str, ...]:
    """The genes in the order of a tree of their correlations."""
    pairs = np.triu_indices(len(known.genes), 1)
    distances = 1 - np.corrcoef(known.values.T)[pairs]
    tree = optimal_leaf_ordering(average(distances), distances)
    return tuple(known.genes[place] for place in leaves_list(tree))


def paired(recipe: Recipe, known: Sequence[Section], tested: Section) -> Fold:
    compute = Compute(cache=cache_dir())
    learned = finish(iter_paired_data(known, recipe, compute))
    return Fold(recipe, known, tested, learned, finish(iter_paired_data([tested], recipe, compute)))


def seen_by(change: Change, fold: Fold) -> Fold:
    return change.seen(fold) if change.seen else fold


def draws_of(change: Change, fold: Fold) -> Array:
    """(K, n, c) draws for the spots of the held-out section."""
    steps = change.steps(fold) if change.steps else fold.recipe.fit.steps
    share = DRAWS // change.models
    fits = [replace(fold.recipe.fit, steps=steps, seed=seed) for seed in range(change.models)]
    models = [
        trained(replace(fold.recipe, fit=fit), fold.known_sections, fold.known, change.poisson)
        for fit in fits
    ]
    if change.recalibrated:
        temperature = temperature_of_strips(fold)
        models = [at_temperature(model, temperature) for model in models]
    drawn = np.concatenate([draw(model, fold, share, change.shared) for model in models])
    if change.averaged:
        weights = weights_of_strips(fold)
        return np.einsum("s,snc->nc", weights, statistics_of(drawn))
    return drawn


@torch.no_grad()
def draw(checkpoint: Checkpoint, fold: Fold, n_draws: int, shared: float = 0.0) -> Array:
    """(K, n, c) draws for the held-out spots; draw 2k + 1 has minus the noise of draw 2k."""
    recipe, readout = checkpoint.recipe, checkpoint.readout
    schedule, sampler = Schedule(recipe.diffusion), SAMPLERS[SUITED[recipe.diffusion.prediction]]
    steps = sampler.spacing(schedule, sampler.steps)
    condition = torch.from_numpy(checkpoint.condition.transform(fold.tested.original))
    denoise = denoiser(checkpoint.network, condition, schedule)
    field = shared_field(fold.tested.positions, shared * pitch(fold.tested_section.spots))
    random = torch.Generator().manual_seed(recipe.fit.seed)

    def noise(width: int, field: torch.Tensor | None = None) -> torch.Tensor:
        made = torch.randn(len(condition), width, generator=random)
        made *= recipe.diffusion.temperature
        return made if field is None else field @ made

    def one(start: torch.Tensor, counts: torch.Tensor) -> Array:
        *_, x = sampler.solve(denoise, start, steps)
        return readout.values(x, condition, lambda: counts).numpy()

    drawn = []
    for _ in range(n_draws // 2):
        start, counts = noise(readout.width, field), noise(readout.n_genes)
        drawn += [one(start, counts), one(-start, -counts)]
    return np.stack(drawn)


def trained(
    recipe: Recipe, sections: Sequence[Section], known: PairedData, poisson: bool = False
) -> Checkpoint:
    """A checkpoint as `iter_train` makes it, of any embeddings of the spots of sections."""
    condition = Condition.fit(
        known.original,
        components=recipe.components,
        noise=recipe.embedding_noise,
        apart=folds(known),
    )
    readout = finish(iter_readout(recipe, condition, known, sections))
    if poisson:
        assert isinstance(readout, Counts)
        readout = replace(readout, log_size=torch.full_like(readout.log_size, POISSON))
    examples = finish(iter_examples(recipe, condition, readout, known, sections))
    sized = replace(recipe.network, condition_width=condition.width, n_genes=readout.width)
    recipe = replace(recipe, network=sized)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.fit.seed)
        network = StemNetwork(recipe.network)
    fitted = finish(iter_fit(network, Schedule(recipe.diffusion), examples, recipe.fit))
    return Checkpoint(recipe, fitted.network, condition, readout)


def shared_field(positions: Array, length: float) -> torch.Tensor | None:
    """(n, n) from independent noise to noise that spots within a length share, of unit variance."""
    if not length:
        return None
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    weights = np.exp(-((distance / length) ** 2))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return torch.from_numpy(weights.astype(np.float32))


def with_more(fold: Fold, known: Array, tested: Array) -> Fold:
    """Further features (n, m) of the spots beside their embeddings."""

    def longer(data: PairedData, more: Array) -> PairedData:
        both = np.concatenate([data.embeddings, more[:, None].astype(np.float32)], axis=2)
        return replace(data, embeddings=both)

    return replace(fold, known=longer(fold.known, known), tested=longer(fold.tested, tested))


def adjacent(fold: Fold) -> Fold:
    """The mean embedding of the spots next to a spot, beside its own."""

    def around(data: PairedData, sections: Sequence[Section]) -> Array:
        found = np.empty_like(data.original)
        for number, section in enumerate(sections):
            rows = np.flatnonzero(data.section == number)
            own = data.original[rows]
            near = KDTree(data.positions[rows]).query_ball_point(
                data.positions[rows], 1.5 * pitch(section.spots)
            )
            for row, others in enumerate(near):
                alone = [other for other in others if other != row] or [row]
                found[rows[row]] = own[alone].mean(axis=0)
        return found

    return with_more(
        fold,
        around(fold.known, fold.known_sections),
        around(fold.tested, [fold.tested_section]),
    )


def similar(fold: Fold) -> Fold:
    """The mean expression of the training spots that look most alike, of other sections."""
    known, apart = fold.known, folds(fold.known)
    expression = PCA(FACTORS, random_state=0).fit_transform(known.values)

    def looked_up(embeddings: Array, among: NDArray[np.bool_]) -> Array:
        space = Condition.fit(
            known.original[among], components=32, noise=fold.recipe.embedding_noise
        )
        places, wanted = space.transform(known.original[among]), space.transform(embeddings)
        _, rows = KDTree(places).query(wanted, k=NEIGHBOURS)
        return np.asarray(expression[among][rows].mean(axis=1))

    own = np.empty((len(apart), FACTORS))
    for section in np.unique(apart):
        left = apart == section
        own[left] = looked_up(known.original[left], ~left)
    return with_more(fold, own, looked_up(fold.tested.original, np.ones(len(apart), bool)))


def without_strips(recipe: Recipe, fold: Fold) -> tuple[Checkpoint, Fold, list[Section]]:
    """A model of the training sections without a strip each, its fold, and the strips."""
    parts = [hold_out_spots(section, STRIP) for section in fold.known_sections]
    known, strips = [known for known, _ in parts], [strip for _, strip in parts]
    inner = paired(recipe, known, strips[0])
    return trained(recipe, inner.known_sections, inner.known), inner, strips


def draws_of_strips(model: Checkpoint, fold: Fold, strips: Sequence[Section]) -> list[Pair]:
    """Draws (K, n, c) for each strip, and what it measured (n, c)."""
    found = []
    for strip in strips:
        tested = finish(iter_paired_data([strip], fold.recipe, Compute(cache=cache_dir())))
        one = replace(fold, tested_section=strip, tested=tested)
        found.append((draw(model, one, DRAWS), tested.values))
    return found


def steps_of_strips(fold: Fold) -> int:
    """The number of steps with the lowest fair CRPS on a strip of each training section."""
    found = {}
    for steps in TRIED_STEPS:
        fit = replace(fold.recipe.fit, steps=steps)
        recipe = replace(fold.recipe, fit=fit)
        model, inner, strips = without_strips(recipe, fold)
        values = [
            score(drawn, truth, antithetic=True)["fair_crps"]
            for drawn, truth in draws_of_strips(model, inner, strips)
        ]
        found[steps] = float(np.mean(values))
    return min(found, key=lambda steps: found[steps])


def temperature_of_strips(fold: Fold) -> float:
    """The spread of draws with which intervals hold on a strip of each training section."""
    model, inner, strips = without_strips(fold.recipe, fold)
    compute = Compute(cache=cache_dir())
    data = finish(iter_paired_data(strips, inner.recipe, compute))
    work = iter_recalibrate(model, data, PredictOptions(n_draws=DRAWS), compute)
    return finish(work).recipe.diffusion.temperature


def weights_of_strips(fold: Fold) -> Array:
    """Weights of `statistics_of` draws that come nearest to a strip of each training section."""
    model, inner, strips = without_strips(fold.recipe, fold)
    pairs = draws_of_strips(model, inner, strips)
    features = np.concatenate([statistics_of(drawn) for drawn, _ in pairs], axis=1)
    truth = np.concatenate([truth for _, truth in pairs])
    found, _ = nnls(features.reshape(len(features), -1).T, truth.ravel())
    return np.asarray(found)


def statistics_of(drawn: Array) -> Array:
    """(s, n, c) mean, quartiles and the mean of counts, in the log space, of draws."""
    mean_count = np.log2((2.0**drawn).mean(axis=0))
    quartiles = np.quantile(drawn, (0.25, 0.5, 0.75), axis=0)
    return np.stack([drawn.mean(axis=0), *quartiles, mean_count])


def seeing(*fields: float) -> Change:
    """The built-in descriptors of other fields of view, as multiples of a patch's width."""
    encoder = find_encoder("morphology")
    width = encoder.width // len(encoder.fields) * len(fields)
    return Change({"encoders": (replace(encoder, fields=fields, width=width),)})


OVERFITTED = Change({"embedding_noise": 0.3}, network={"dropout": 0.1}, fit={"steps": 1_000})
CHANGES: Mapping[str, Change] = {
    "preset": Change(),
    "as-scanned": Change({"stains": None}),
    "5-factors": Change({"factors": 5}),
    "20-factors": Change({"factors": 20}),
    "noise-0.5": Change({"embedding_noise": 0.5}),
    "noise-1": Change({"embedding_noise": 1.0}),
    "adjacent": Change(seen=adjacent),
    "surroundings": Change({"surroundings": 300.0}),
    "surroundings-450": Change({"surroundings": 450.0}),
    "field-5": seeing(1.0, 2.5, 5.0),
    "field-8": seeing(1.0, 2.5, 8.0),
    "similar": Change(seen=similar),
    "adjacent-similar": Change(seen=lambda fold: similar(adjacent(fold))),
    "genes": Change({"factors": None}, network={"genes_per_token": 25}),
    "genes-alike": Change({"factors": None}, network={"genes_per_token": 25}, grouped=True),
    "gene-tokens": Change({"factors": None}, network={"width": 32}),
    "poisson": Change(poisson=True),
    "shared-0.5": Change(shared=0.5),
    "shared-1": Change(shared=1.0),
    "5-models": Change(models=5),
    "strips": Change(steps=steps_of_strips),
    "recalibrated": Change(recalibrated=True),
    "overfitted": OVERFITTED,
    "overfitted-recalibrated": replace(OVERFITTED, recalibrated=True),
    "averaged": Change(averaged=True),
    "width-128": Change(network={"width": 128, "depth": 4}),
    "large-100": Change(
        network={"width": 384, "depth": 12, "heads": 6},
        fit={"steps": 100, "batch_size": 64, "learning_rate": 1e-4},
    ),
}


if __name__ == "__main__":
    main()
