"""What is left of a model on sections of another depth, or of another stain.

    python benchmarks/transfer.py depth [--held-out C5 C2] [--steps 400]
    python benchmarks/transfer.py stain [--held-out C5 C2] [--steps 400] [--only Macenko Vahadane]

`depth`: counts of the training or of the held-out section are thinned binomially to a median of
650 molecules a spot; tuned ridge regression is beside the model. `stain`: the slide of the held-out
section is stained stronger, weaker, or in other hues. Its embeddings are those of the slide as
scanned, the same standardised by their own mean and deviation, the same given to a model that also
learned from copies of the training sections in random stains, or made after all slides got the same
stains by Macenko's method (as the small preset does) or by Vahadane's. Training sections and
held-out section are of one tumour.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

import leave_one_out
import numpy as np
from scipy import sparse
from sklearn.decomposition import MiniBatchDictionaryLearning

from napari_stem.analysis.correlation import correlations
from napari_stem.api.predicting import draws_of, predict
from napari_stem.api.training import train
from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.defaults import N_DRAWS
from napari_stem.evaluation.baselines import BASELINES, Tuned
from napari_stem.evaluation.sums import fair_crps
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.features.stains import USUAL as ALIKE
from napari_stem.genes.counts import depths, panel_counts
from napari_stem.genes.panels import hmhvg
from napari_stem.sections.paired_data import iter_paired_data
from napari_stem.sections.public_data import HER2ST, sample_section
from napari_stem.slides.slide import Slide
from napari_stem.storage import cache_dir

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.sections.section import Section

    Array = NDArray[np.floating]
    Row: TypeAlias = tuple[tuple[str, ...], Array]  # what was tried, and its metrics
    Choose: TypeAlias = Callable[[Section], tuple[Checkpoint, Section]]  # what predicts what

SHALLOW = 650  # molecules a spot, the median
GENES = 300
COPIES = 2  # of a training section, in random stains
HUES, STRENGTHS = 0.07, 0.25  # spread of their optical densities and of the logarithm of amounts
GLASS = 0.15  # optical density


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(TABLES))
    parser.add_argument("--held-out", nargs="+", default=["C5", "C2"])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", nargs="+", default=list(PATCHES), choices=list(PATCHES))
    given = parser.parse_args()
    headings, table = TABLES[given.what]
    sections = {name: sample_section(f"her2st:{name}") for name in HER2ST}
    rows: dict[tuple[str, ...], list[Array]] = {}
    for name in given.held_out:
        tested = sections[name]
        known = [section for other, section in sections.items() if other != name]
        panel = hmhvg([section.spots for section in known], GENES, measured_by=[tested.spots])
        for row, found in table(known, tested, panel, given):
            print(name, *row, found.round(3), flush=True)
            rows.setdefault(row, []).append(found)
    print("|", " | ".join(headings), "|")
    print("|---" * len(headings), "|", sep="")
    for row, values in rows.items():
        print("|", " | ".join([*row, *(f"{x:.3f}" for x in np.mean(values, axis=0))]), "|")


def depth_rows(
    known: list[Section], tested: Section, panel: list[str], given: argparse.Namespace
) -> Iterator[Row]:
    """Metrics of both count transforms, by the depth of training and of the held-out section."""
    for learned_from in ("full", "thin"):
        learned = [at(learned_from, section) for section in known]
        for transform in ("log2", "log1p_cp10k"):
            recipe = make_recipe("small", panel, transform=transform, fit={"steps": given.steps})
            checkpoint = trained(learned, recipe)
            ridge = of_ridge(learned, recipe, described(tested, recipe))
            usual = float(np.median(np.concatenate([depths(each.spots) for each in learned])))
            for depth in ("full", "thin"):
                section = at(depth, tested)
                own = float(np.median(depths(section.spots)))
                choices: dict[str, float | None] = {"counts": None}
                if transform == "log1p_cp10k":
                    choices = {"rates, depth of training": None, "rates, own depth": own}
                for values, molecules in choices.items():
                    counts = drawn_counts(checkpoint, section, molecules)
                    yield (learned_from, depth, values), scores(counts, section, panel)
                    counts = np.maximum(as_counts(ridge, transform, molecules or usual), 0)
                    row = learned_from, depth, f"{values}, ridge"
                    yield row, scores(counts, section, panel)


def of_ridge(known: list[Section], recipe: Recipe, embeddings: Array) -> Array:
    """(K, n, c) draws of tuned ridge regression, with a Gaussian spread for each gene."""
    pairs = finish(iter_paired_data(known, recipe, Compute(cache=cache_dir())))
    draws = BASELINES["ridge"](Tuned(pairs, embeddings))
    return np.stack([draws.draw(k) for k in range(N_DRAWS)]).astype(np.float64)


def at(depth: str, section: Section) -> Section:
    """A section as it is, or with a random part of its molecules."""
    if depth == "full":
        return section
    spots = section.spots.copy()
    counts = sparse.csr_matrix(spots.X)
    share = SHALLOW / float(np.median(depths(spots)))
    random = np.random.default_rng(0)
    counts.data = random.binomial(counts.data.astype(int), share).astype(np.float32)
    counts.eliminate_zeros()
    spots.X = counts
    return replace(section, spots=spots)


def drawn_counts(checkpoint: Checkpoint, section: Section, molecules: float | None) -> Array:
    """(K, n, c) counts: whatever the checkpoint draws, at the depth that it draws them for."""
    prediction = predict(section, None, checkpoint, depth=molecules)
    depth = checkpoint.readout.at_depth(molecules).molecules
    return as_counts(draws_of(prediction).astype(np.float64), checkpoint.recipe.transform, depth)


def as_counts(draws: Array, transform: str, molecules: float) -> Array:
    """Counts from transformed ones, of so many molecules a spot where depth counts."""
    return np.exp2(draws) - 1 if transform == "log2" else np.expm1(draws) * molecules / 1e4


def scores(counts: Array, section: Section, panel: list[str]) -> Array:
    """At the truth's own depth, in log2(count + 1); and free of depth, in log1p(counts per 10,000).

    Free of depth, the draws are divided by what they sum to over the panel, as the truth is.
    """
    truth = panel_counts(section.spots, panel, section.name)
    known = truth.sum(axis=1) > 0
    truth, counts = truth[known], counts[:, known]
    draws, measured = np.log2(counts + 1), np.log2(truth + 1)
    found = [pcc_50(draws.mean(axis=0), measured), abs(draws.mean(axis=0) - measured).mean()]
    found.append(float(fair_crps(draws, measured, antithetic=True).mean()))
    free, shares = of_panel(counts).mean(axis=0), of_panel(truth)
    return np.array([*found, pcc_50(free, shares), abs(free - shares).mean()])


def of_panel(counts: Array) -> Array:
    """log(share of the panel's molecules, per 10,000, + 1) of (..., c) counts."""
    return np.log1p(1e4 * counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1))


def stain_rows(
    known: list[Section], tested: Section, panel: list[str], given: argparse.Namespace
) -> Iterator[Row]:
    """Metrics on the held-out section in several stains, by what is done about stains."""
    fit = {"steps": given.steps}
    recipe = make_recipe("small", panel, stain="as_scanned", fit=fit)
    for patches in given.only:
        predicted = PATCHES[patches](known, recipe)
        for stain, mixture in STAINS.items():
            section = tested if mixture is None else stained(tested, mixture)
            yield (stain, patches), stain_scores(*predicted(section), panel)


def as_scanned(known: list[Section], recipe: Recipe) -> Choose:
    checkpoint = trained(known, recipe)
    return lambda section: (checkpoint, section)


def by_section(known: list[Section], recipe: Recipe) -> Choose:
    """Embeddings in units of a section's own mean and deviation."""
    checkpoint = trained(known, recipe)
    usual = np.concatenate([described(section, recipe) for section in known]).std(axis=0)
    return lambda section: (standardised(checkpoint, described(section, recipe), usual), section)


def macenko(known: list[Section], recipe: Recipe) -> Choose:
    return as_scanned(known, replace(recipe, stains=ALIKE))


def more_stains(known: list[Section], recipe: Recipe) -> Choose:
    """A model that also learned from copies of its sections in other stains."""
    learned = [*known, *in_other_stains(known)]
    pairs = finish(iter_paired_data(learned, recipe, Compute(cache=cache_dir())))
    checkpoint = leave_one_out.trained(recipe, learned, pairs)  # `train` refuses copies
    return lambda section: (checkpoint, section)


def with_vahadane(known: list[Section], recipe: Recipe) -> Choose:
    """All slides in the stains of the first one."""
    usual = vahadane(known[0])

    def alike(section: Section) -> Section:
        return stained(section, between(vahadane(section), usual))

    checkpoint = trained([alike(section) for section in known], recipe)
    return lambda section: (checkpoint, alike(section))


def trained(sections: list[Section], recipe: Recipe) -> Checkpoint:
    with TemporaryDirectory() as folder:
        return train(sections, recipe, folder, progress=False).checkpoint


def described(section: Section, recipe: Recipe) -> Array:
    """(n, d) embeddings of the patches of a section."""
    compute = Compute(cache=cache_dir())
    return finish(iter_embed_as(recipe, section.slide, section.spots, compute=compute))[:, 0]


def standardised(checkpoint: Checkpoint, own: Array, usual: Array) -> Checkpoint:
    """The same with embeddings of a section in units of their own mean and deviation."""
    condition = checkpoint.condition
    scale = usual / np.maximum(own.std(axis=0), 1e-6)
    axes = (condition.axes * scale[:, None]).astype(np.float32)
    return replace(checkpoint, condition=replace(condition, mean=own.mean(axis=0), axes=axes))


def stain_scores(checkpoint: Checkpoint, section: Section, panel: list[str]) -> Array:
    """Metrics of the draws, and the share of spots that are told to be unlike training tissue."""
    prediction = predict(section, None, checkpoint)
    counts = as_counts(draws_of(prediction).astype(np.float64), checkpoint.recipe.transform, 0)
    unlike = float((prediction.obs["ood"] > 1).mean())
    return np.array([*scores(counts, section, panel)[:3], unlike])


def in_other_stains(sections: list[Section]) -> list[Section]:
    """Copies of sections in random strengths and hues, for training."""
    random = np.random.default_rng(0)

    def copy(section: Section, number: int) -> Section:
        stains = USUAL.copy()
        stains[:2] = abs(stains[:2] + random.normal(0, HUES, (2, 3)))
        stains[:2] /= np.linalg.norm(stains[:2], axis=1, keepdims=True)
        amounts = np.exp(random.normal(0, STRENGTHS, 2))
        made = stained(section, mixture((amounts[0], amounts[1]), stains))
        return replace(made, name=f"{section.name}, stain {number}")

    return [copy(section, number) for section in sections for number in range(COPIES)]


def vahadane(section: Section) -> Array:
    """(2, 3) optical densities of haematoxylin and eosin where a slide is darkest.

    By sparse dictionary learning (Vahadane et al. 2016).
    """
    density = -np.log((every_few_pixels(section).reshape(-1, 3) + 1.0) / 256)
    density = density[density.min(axis=1) > GLASS]
    learner = MiniBatchDictionaryLearning(
        2, alpha=0.1, batch_size=1024, fit_algorithm="cd", transform_algorithm="lasso_cd",
        transform_alpha=0.1, positive_code=True, positive_dict=True, random_state=0,
    )  # fmt: skip
    amounts = learner.fit_transform(density)
    order = np.argsort(-learner.components_[:, 0])  # haematoxylin takes more red light
    strength = np.percentile(amounts, 99, axis=0)
    return np.asarray((learner.components_ * strength[:, None])[order])


def every_few_pixels(section: Section) -> NDArray[np.uint8]:
    """Every sixteenth pixel of a slide in both directions."""
    slide = section.slide
    return slide.read_region(0, 0, slide.width, slide.height)[::16, ::16, :3].copy()


def between(stains: Array, others: Array) -> Array:
    """From optical densities in two stains to the same amounts of two others."""
    return np.asarray(np.linalg.inv(with_rest(stains)) @ with_rest(others))


def with_rest(stains: Array) -> Array:
    """(3, 3) two stains and what is neither."""
    rest = np.cross(*stains)
    return np.vstack([stains, rest / np.linalg.norm(rest)])


def stained(section: Section, mixture: Array) -> Section:
    """A section with optical densities that are multiplied by a (3, 3) matrix."""
    slide = section.slide
    image = slide.read_region(0, 0, slide.width, slide.height)[..., :3].copy()
    density = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)
    for rows in np.array_split(np.arange(len(image)), 100):
        changed = density[image[rows]] @ mixture.astype(np.float32)
        image[rows] = np.clip(256 * np.exp(-changed) - 1, 0, 255).round()
    copy = Slide.from_array(image, mpp=slide.require_mpp(), name=section.name)
    return replace(section, slide=copy)


def mixture(amounts: tuple[float, float], stains: Array) -> Array:
    """From optical densities to those of other amounts of stains in other hues."""
    return np.asarray(np.linalg.inv(USUAL) @ np.diag([*amounts, 1.0]) @ stains)


def pcc_50(mean: Array, truth: Array) -> float:
    """Mean of the 50 highest correlations of genes."""
    return float(np.sort(correlations(mean.T, truth.T))[-50:].mean())


# Optical densities of haematoxylin, eosin and the rest, a row each, and of a stain in other hues.
USUAL = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
OTHER = np.array([[0.56, 0.77, 0.31], [0.10, 0.90, 0.42], [0.27, 0.57, 0.78]])
STAINS = {
    "its own": None,
    "30 % stronger": mixture((1.3, 1.3), USUAL),
    "30 % weaker": mixture((0.7, 0.7), USUAL),
    "less haematoxylin, more eosin": mixture((0.8, 1.3), USUAL),
    "other hues": mixture((1.0, 1.0), OTHER),
}
PATCHES: dict[str, Callable[[list[Section], Recipe], Choose]] = {
    "as scanned": as_scanned,
    "standardised": by_section,
    "Macenko": macenko,
    "more stains": more_stains,
    "Vahadane": with_vahadane,
}
METRICS = ("PCC-50", "MAE", "fair CRPS")
TABLES: dict[str, tuple[tuple[str, ...], Callable[..., Iterator[Row]]]] = {
    "depth": (
        ("training", "held out", "draws", *METRICS, "PCC-50 of shares", "MAE of shares"),
        depth_rows,
    ),
    "stain": (("held-out slide", "patches", *METRICS, "ood above 1"), stain_rows),
}

if __name__ == "__main__":
    main()
