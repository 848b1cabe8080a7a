"""How well detected tissue agrees with the spots that people selected on HER2ST.

    python benchmarks/tissue.py [her2st:C2 …]

Recall: share of the selected spots that lie on detected tissue. Precision: of all places of the
array (33 x 35) that lie on detected tissue, the share that was selected; places that were not
selected follow from the array's lattice, and some lie on tissue that people left out, for example
along its edge.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from napari_stem.sections.public_data import HER2ST, her2st_folder
from napari_stem.slides.slide import open_slide
from napari_stem.slides.tissue import tissue_mask

_COLUMNS, _ROWS = 33, 35  # places of the array


def agreement(section: str) -> str:
    folder = her2st_folder(section)
    spots = pd.read_csv(folder / "spots.tsv", sep="\t").query("selected == 1")
    places = spots[["x", "y"]].to_numpy(float)
    xy = spots[["pixel_x", "pixel_y"]].to_numpy(float)
    lattice = np.linalg.lstsq(np.column_stack([places, np.ones(len(places))]), xy, rcond=None)[0]
    taken = {tuple(place) for place in places.round().astype(int)}
    others = [
        (x, y) for x in range(1, _COLUMNS + 1) for y in range(1, _ROWS + 1) if (x, y) not in taken
    ]
    elsewhere = np.column_stack([np.array(others), np.ones(len(others))]) @ lattice
    with open_slide(folder / "HE.jpg", mpp=0.688) as slide:
        found = tissue_mask(slide)
        on_slide = ((elsewhere >= 0) & (elsewhere < (slide.width, slide.height))).all(axis=1)
    right = found.contains(xy).sum()
    wrong = found.contains(elsewhere[on_slide]).sum()
    excluded = ", ".join(map(str, found.excluded)) or "nothing"
    return (
        f"| {section} | {right}/{len(xy)} | {right / len(xy):.3f} | {wrong}/{on_slide.sum()} | "
        f"{right / (right + wrong):.3f} | {found.mask.mean():.3f} | {excluded} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", default=[f"her2st:{name}" for name in HER2ST])
    print(
        "| section | selected spots found | recall | other places | precision | share | excluded |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in parser.parse_args().sections:
        print(agreement(name.removeprefix("her2st:")))


if __name__ == "__main__":
    main()
