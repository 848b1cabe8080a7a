"""What a cohort costs above a loop over its slides, and what a second worker brings.

    python benchmarks/cohort.py [--slides 12] [--draws 20] [--side 3] [--data FOLDER_OF_DATA]

Each row is a process of its own with an empty cache and one thread for computing: the loop
predicts, clusters and writes one slide after the other; cohorts do so with one and with two workers
of one thread. Seconds are those of the whole process, imports and start of workers included; the
second column is from the first slide's beginning to the last one's end, without imports, start and
report; the third is the time of all CPUs, which other programs on the machine change little.
Generated slides are squares of `side` times `side` millimetres, of about 80 spots each.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

_PIECES = 4
_LOOP = """
import sys
from pathlib import Path
import napari_stem as stem
import napari_stem.prediction.predict
checkpoint, out, cache, draws, *slides = sys.argv[1:]
Path(out).mkdir()
Path(out, "begun").touch()
for slide in slides:
    prediction = stem.predict(slide, None, checkpoint, n_draws=int(draws), cache=cache)
    stem.find_clusters(prediction)
    stem.write_prediction(prediction, Path(out, Path(slide).stem + ".h5ad"))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--slides", type=int, default=12)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--side", type=int, default=3, help="of a generated slide, in mm")
    parser.add_argument("--data", type=Path, help="its her2st/* are among the slides")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        slides = real_slides(given.data)[: given.slides]
        slides += generate(root / "slides", given.slides - len(slides), given.side)
        bench = _Bench(root, train(root), slides, given.draws)
        print(f"{len(slides)} slides, {given.draws} draws: seconds, of the slides, of CPUs")
        loop = bench.loop()
        one, two = bench.cohort(1), bench.cohort(2)
    print(f"overhead of a cohort: {ratios(loop, one)} of the loop")
    print(f"two workers for one: {ratios(two, one)} times as fast")


def ratios(base: tuple[float, float], other: tuple[float, float]) -> str:
    whole, steady = (b / a for a, b in zip(base, other, strict=True))
    return f"{whole:.2f} in all, {steady:.2f} of the slides alone"


def real_slides(data: Path | None) -> list[Path]:
    return sorted((data / "her2st").iterdir()) if data else []


def generate(folder: Path, n: int, side: int) -> list[Path]:
    """Slides of generated tissue, as pictures that state their scale, of pieces that are turned."""
    from napari_stem.sections.synthetic import generate_section

    folder.mkdir()
    sections = [generate_section("piece", seed=100 + seed) for seed in range(_PIECES)]
    pieces = [np.asarray(section.slide.levels[0]) for section in sections]
    dots_per_inch = 25_400 / sections[0].slide.require_mpp()
    random = np.random.default_rng(0)
    paths = [folder / f"slide-{number:02}.tif" for number in range(n)]
    for path in paths:
        rows = [
            [np.rot90(pieces[random.integers(_PIECES)], random.integers(4)) for _ in range(side)]
            for _ in range(side)
        ]
        whole = np.concatenate([np.concatenate(row, axis=1) for row in rows])
        Image.fromarray(whole).save(path, dpi=(dots_per_inch, dots_per_inch))
    return paths


def train(root: Path) -> Path:
    import napari_stem as stem
    from napari_stem.sections.synthetic import generate_section

    section = generate_section("training", seed=0)
    panel = [gene for gene in section.spots.var_names if gene.isupper()][:60]
    recipe = stem.make_recipe("small", panel, fit={"steps": 50})
    return stem.train(section, recipe, root / "run", cache=False, progress=False).path


def begun(out: Path, ends: dict[str, float]) -> float:
    """When the first slide was taken up: its end less the seconds that the manifest states."""
    from napari_stem.cohort.manifest import read_rows

    if (mark := out / "begun").exists():
        return mark.stat().st_mtime
    return min(ends[name] - row.seconds for row in read_rows(out) for name in row.outputs)


class _Bench:
    """Runs each way of working from an empty cache."""

    def __init__(self, root: Path, checkpoint: Path, slides: list[Path], draws: int) -> None:
        self._root, self._checkpoint, self._slides, self._draws = root, checkpoint, slides, draws
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        self._environment = {**os.environ, **threads}

    def loop(self) -> tuple[float, float]:
        out, cache = self._root / "loop", self._root / "loop-cache"
        arguments = map(str, (self._checkpoint, out, cache, self._draws, *self._slides))
        return self._timed("loop", [sys.executable, "-c", _LOOP, *arguments], out)

    def cohort(self, workers: int) -> tuple[float, float]:
        out = self._root / f"cohort-{workers}"
        command = [sys.executable, "-m", "napari_stem", "cohort", *map(str, self._slides)]
        flags = {
            "--checkpoint": self._checkpoint, "--out": out, "--cache": f"{out}-cache",
            "--draws": self._draws, "--workers": workers, "--threads": 1,
        }  # fmt: skip
        command += [str(part) for flag in flags.items() for part in flag]
        return self._timed(f"{workers} worker{'s'[: workers - 1]}", command, out)

    def _timed(self, name: str, command: list[str], out: Path) -> tuple[float, float]:
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=self._environment, check=True, stdout=subprocess.DEVNULL)
        whole = time.monotonic() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        ends = {path.name: path.stat().st_mtime for path in out.glob("*.h5ad")}
        assert len(ends) == len(self._slides)
        steady = max(ends.values()) - begun(out, ends)
        cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        print(f"{name:>9}: {whole:6.1f} {steady:6.1f} {cpu:6.1f}", flush=True)
        return whole, steady


if __name__ == "__main__":
    main()
