"""How many spots are told to be unlike the training tissue, on sections that were left out.

python benchmarks/ood.py her2st:C2 her2st:C3 her2st:C4 her2st:C5 [--organ FOLDER --organ-mpp 0.73]

Each section is left out once; the distance learns from the others (`Condition.fit`). What should
not be told is the section itself; what should be are its glass and spoilt copies of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData
from PIL import Image, ImageDraw, ImageFilter

from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.evaluation.folds import folds
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.features.condition import Condition
from napari_stem.prediction.trust import are_foreign
from napari_stem.sections.paired_data import PairedData, iter_paired_data
from napari_stem.sections.public_data import sample_section
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.slides.tissue import tissue_mask
from napari_stem.spots.grid import make_grid
from napari_stem.spots.table import positions
from napari_stem.storage import cache_dir

_PEN = (25, 60, 150)  # blue ink
_PEN_UM = 60
_HUE = 14  # of 256
_FIELD_UM = 112
Spoil: TypeAlias = "Callable[[Image.Image, Section], Image.Image]"

_GENE = "ACTB"  # which spots with tissue counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="+")
    parser.add_argument("--organ", type=Path, help="an image of another organ")
    parser.add_argument("--organ-mpp", type=float, default=0.73)
    parser.add_argument("--encoder", action="append")
    given = parser.parse_args()
    sections = [sample_section(name) for name in given.sections]
    work = Work(given.encoder or ["morphology"])
    known = finish(iter_paired_data(sections, work.recipe, work.compute))
    print(false_alarms(work, known).to_string())
    told = {
        section.name: shares(work, known, i, section, given) for i, section in enumerate(sections)
    }
    table = pd.DataFrame(told).mul(100).round(1)
    table["mean"] = table.mean(axis=1).round(1)
    print(table.to_string())


class Work:
    """Encoders, and how they compute."""

    def __init__(self, encoders: list[str]) -> None:
        self.recipe = make_recipe("small", [_GENE], encoders=encoders)
        self.compute = Compute(cache=cache_dir(), allow_low_resolution=True)

    def embed(self, slide: Slide, spots: AnnData) -> np.ndarray:
        """(n, d) of the patches around spots."""
        events = iter_embed_as(self.recipe, slide, spots, compute=self.compute)
        return finish(events)[:, 0]


def shares(
    work: Work, known: PairedData, left: int, section: Section, given: argparse.Namespace
) -> Mapping[str, float]:
    """Share of the spots that are told, of a section and of its spoilt copies."""
    others = known.section != left
    condition, former = (
        learned(work, known, others, apart) for apart in (folds(some(known, others)), None)
    )

    def told(embeddings: np.ndarray) -> float:
        return float(are_foreign(condition.ood(embeddings)).mean())

    spots, slide = section.spots, section.slide
    own = known.original[~others]
    found = {
        "itself": told(own),
        "itself, unit of neighbours": float(are_foreign(former.ood(own)).mean()),
        "glass": told(work.embed(slide, glass_of(section))),
    }
    picture = Image.fromarray(np.asarray(slide.levels[0]))
    for name, spoil in SPOILT.items():
        spoilt = Slide.from_array(np.asarray(spoil(picture, section)), mpp=slide.mpp, name=name)
        found[name] = told(work.embed(spoilt, spots))
    for name, factor in (("enlarged twice", 0.5), ("reduced to half", 2.0)):
        found[name] = told(work.embed(slide.with_mpp(slide.require_mpp() * factor), spots))
    if given.organ:
        organ = open_slide(given.organ, mpp=given.organ_mpp)
        found["other organ"] = told(work.embed(organ, make_grid(organ, pitch_um=100)))
    return found


def some(known: PairedData, rows: np.ndarray) -> PairedData:
    parts = (known.embeddings, known.values, known.positions, known.section)
    return PairedData(known.genes, *(part[rows] for part in parts))


def learned(work: Work, known: PairedData, rows: np.ndarray, apart: np.ndarray | None) -> Condition:
    """The distance, learned from some of the spots."""
    recipe = work.recipe
    return Condition.fit(
        known.original[rows],
        components=recipe.components,
        noise=recipe.embedding_noise,
        apart=apart,
    )


def false_alarms(work: Work, known: PairedData) -> pd.DataFrame:
    """Share of the spots of a new section that are told, after so many sections of its tissue."""
    numbers, found = np.unique(known.section), {}
    for count in range(1, len(numbers)):
        shares = []
        for chosen in combinations(numbers, count):
            rows = np.isin(known.section, chosen)
            condition = learned(work, known, rows, folds(some(known, rows)))
            told = are_foreign(condition.ood(known.original[~rows]))
            shares += [told[known.section[~rows] == new].mean() for new in set(numbers) - {*chosen}]
        found[count] = {"mean": np.mean(shares), "least": min(shares), "most": max(shares)}
    return pd.DataFrame(found).T.mul(100).round(1)


def glass_of(section: Section) -> AnnData:
    """A grid off the tissue."""
    slide = section.slide
    grid = make_grid(slide, pitch_um=300, on_tissue=False)
    mask = tissue_mask(slide)
    away = mask.share_under(positions(grid), 2 * _FIELD_UM / slide.require_mpp()) == 0
    return grid[away].copy()


def blurred(sigma_um: float) -> Spoil:
    """Out of focus."""

    def spoil(picture: Image.Image, section: Section) -> Image.Image:
        return picture.filter(ImageFilter.GaussianBlur(sigma_um / section.slide.require_mpp()))

    return spoil


def inked(picture: Image.Image, section: Section) -> Image.Image:
    """A stroke over every spot."""
    marked, width = picture.copy(), _PEN_UM / section.slide.require_mpp()
    pen, reach = ImageDraw.Draw(marked), np.array([1.0, 0.4]) * width * 2
    for xy in positions(section.spots):
        pen.line([*(xy - reach), *(xy + reach)], fill=_PEN, width=round(width))
    return marked


def stained(shift: int) -> Spoil:
    """Another hue, by so many of 256 parts of the circle."""

    def spoil(picture: Image.Image, section: Section) -> Image.Image:
        hue, *others = picture.convert("HSV").split()
        turned = hue.point([(value + shift) % 256 for value in range(256)])
        return Image.merge("HSV", [turned, *others]).convert("RGB")

    return spoil


SPOILT = {
    "blurred, sigma 4 µm": blurred(4),
    "blurred, sigma 2 µm": blurred(2),
    "pen": inked,
    "hue 20 degrees towards blue": stained(-_HUE),
    "hue 20 degrees towards red": stained(_HUE),
}


if __name__ == "__main__":
    main()
