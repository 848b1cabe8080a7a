"""Whether memory, threads and open files stay flat over many predictions and slides without napari.

    python benchmarks/endurance.py [--rounds 200] [--slides 300]

A round predicts with other draws each time, clusters and exports into three formats. A slide is
opened, looked at, read in places, and closed.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import psutil
import tifffile

import napari_stem as stem
from napari_stem.prediction.trust import StemWarning
from napari_stem.sections.synthetic import generate_section
from napari_stem.slides.slide import open_slide

_TOLD = (1, 10, 50, 100, 150, 200, 250)  # and the last
_SUFFIXES = (".h5ad", ".geojson", ".html")


def main() -> None:
    """Measure both, and print a line now and then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--slides", type=int, default=300)
    wanted = parser.parse_args()
    warnings.simplefilter("ignore", StemWarning)
    with tempfile.TemporaryDirectory() as folder:
        section = generate_section("soak", seed=1, size_px=1200)
        genes = list(section.spots.var_names[:8])
        recipe = stem.make_recipe("small", genes, fit={"steps": 20})
        checkpoint = stem.train(section, recipe, Path(folder, "run"), cache=False).checkpoint
        path = Path(folder, "slide.tif")
        tifffile.imwrite(path, section.slide.levels[0][:], photometric="rgb", tile=(256, 256))

        def predict(number: int) -> None:
            with open_slide(path, mpp=section.slide.mpp) as slide:
                made = stem.predict(
                    slide, section.spots, checkpoint, n_draws=2, seed=number, cache=False
                )
            stem.find_clusters(made)
            for suffix in _SUFFIXES:
                stem.write_prediction(made, Path(folder, f"p{suffix}"))

        def look(number: int) -> None:
            with open_slide(path) as slide:
                slide.thumbnail()
                slide.read_region(number, number, 512, 512)

        _repeat("round", predict, wanted.rounds)
        _repeat("slide", look, wanted.slides)


def _repeat(what: str, work: Callable[[int], None], times: int) -> None:
    process = psutil.Process()
    for number in range(1, times + 1):
        work(number)
        if number in _TOLD or number == times:
            memory = process.memory_info().rss / 1e6
            print(
                f"{what} {number:>4}: {memory:,.0f} MB, {process.num_threads()} threads, "
                f"{len(process.open_files())} files",
                flush=True,
            )


if __name__ == "__main__":
    main()
