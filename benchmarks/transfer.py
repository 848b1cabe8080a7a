"""What is left of a model on sections of another depth, or of another stain.

    python benchmarks/transfer.py depth [--held-out C5 C2] [--steps 400]
    python benchmarks/transfer.py stain [--held-out C5 C2] [--steps 400]

`depth`: counts of the training or of the held-out section are thinned binomially to a median of
650 molecules a spot. `stain`: the slide of the held-out section is stained stronger, weaker, or in
other hues, and its embeddings are used as they are or standardised by their own mean and deviation.
Training sections and held-out section are of one tumour.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from scipy import sparse

from napari_stem.analysis.correlation import correlations
from napari_stem.api.predicting import draws_of, embed, predict
from napari_stem.api.training import train
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.evaluation.sums import fair_crps
from napari_stem.genes.counts import depths, panel_counts
from napari_stem.genes.panels import hmhvg
from napari_stem.sections.public_data import HER2ST, sample_section
from napari_stem.slides.slide import Slide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.sections.section import Section

    Array = NDArray[np.floating]
    Row: TypeAlias = tuple[tuple[str, ...], Array]  # what was tried, and its metrics

SHALLOW = 650  # molecules a spot, the median
GENES = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=list(TABLES))
    parser.add_argument("--held-out", nargs="+", default=["C5", "C2"])
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()
    headings, table = TABLES[given.what]
    sections = {name: sample_section(f"her2st:{name}") for name in HER2ST}
    rows: dict[tuple[str, ...], list[Array]] = {}
    for name in given.held_out:
        tested = sections[name]
        known = [section for other, section in sections.items() if other != name]
        panel = hmhvg([section.spots for section in known], GENES, measured_by=[tested.spots])
        for row, found in table(known, tested, panel, given.steps):
            print(name, *row, found.round(3), flush=True)
            rows.setdefault(row, []).append(found)
    print("|", " | ".join(headings), "|")
    print("|---" * len(headings), "|", sep="")
    for row, values in rows.items():
        print("|", " | ".join([*row, *(f"{x:.3f}" for x in np.mean(values, axis=0))]), "|")


def depth_rows(
    known: list[Section], tested: Section, panel: list[str], steps: int
) -> Iterator[Row]:
    """Metrics of both count transforms, by the depth of training and of the held-out section."""
    for learned_from in ("full", "thin"):
        learned = [at(learned_from, section) for section in known]
        for transform in ("log2", "log1p_cp10k"):
            recipe = make_recipe("small", panel, transform=transform, fit={"steps": steps})
            with TemporaryDirectory() as folder:
                checkpoint = train(learned, recipe, folder).checkpoint
            for depth in ("full", "thin"):
                section = at(depth, tested)
                own = float(np.median(depths(section.spots)))
                choices: dict[str, float | None] = {"counts": None}
                if transform == "log1p_cp10k":
                    choices = {"rates, depth of training": None, "rates, own depth": own}
                for values, molecules in choices.items():
                    counts = drawn_counts(checkpoint, section, molecules)
                    yield (learned_from, depth, values), scores(counts, section, panel)


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
    draws = draws_of(prediction).astype(np.float64)
    if checkpoint.recipe.transform == "log2":
        return np.exp2(draws) - 1
    return np.expm1(draws) * checkpoint.readout.at_depth(molecules).molecules / 1e4


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
    known: list[Section], tested: Section, panel: list[str], steps: int
) -> Iterator[Row]:
    """Metrics of one model on the held-out section in several stains."""
    recipe = make_recipe("small", panel, fit={"steps": steps})
    with TemporaryDirectory() as folder:
        checkpoint = train(known, recipe, folder).checkpoint
    usual = np.concatenate([embed(section) for section in known]).std(axis=0)
    for stain, mixture in STAINS.items():
        section = tested if mixture is None else stained(tested, mixture)
        own = embed(section)
        condition = checkpoint.condition
        scale = usual / np.maximum(own.std(axis=0), 1e-6)
        axes = (condition.axes * scale[:, None]).astype(np.float32)
        fitted = replace(checkpoint, condition=replace(condition, mean=own.mean(axis=0), axes=axes))
        unlike = float((condition.ood(own) > 1).mean())
        for embeddings, model in (("as they are", checkpoint), ("standardised", fitted)):
            counts = drawn_counts(model, section, None)
            found = scores(counts, section, panel)[:3]
            yield (stain, embeddings), np.array([*found, unlike])


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
METRICS = ("PCC-50", "MAE", "fair CRPS")
TABLES: dict[str, tuple[tuple[str, ...], Callable[..., Iterator[Row]]]] = {
    "depth": (
        ("training", "held out", "draws", *METRICS, "PCC-50 of shares", "MAE of shares"),
        depth_rows,
    ),
    "stain": (("held-out slide", "embeddings", *METRICS, "ood above 1"), stain_rows),
}

if __name__ == "__main__":
    main()
