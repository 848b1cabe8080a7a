"""Opens slides whose paths come on stdin, in little memory; says on stdout what happened.

A decoder that crashes, hangs or swallows memory does so here, and not in the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

from napari_stem.errors import StemError
from napari_stem.slides.slide import open_slide

COARSEST = 16  # beyond it, a made level of a flat slide needs much of the slide


def look(path: Path) -> str:
    """What opening a slide and reading pieces of it leads to."""
    try:
        with open_slide(path) as slide:
            for level, downsample in enumerate(slide.downsamples):
                if downsample > COARSEST:
                    break
                height, width = slide.levels[level].shape[:2]
                for x, y in ((0, 0), (width // 2, height // 2), (width - 100, height - 100)):
                    slide.read_region(x, y, 128, 128, level=level)
            return f"read {slide.width} {slide.height} {slide.mpp}"
    except StemError as error:
        told = str(error)
        return "refused" if path.name in told and "\n" not in told else f"badly refused: {told!r}"
    except Exception as error:  # noqa: BLE001 - whatever it is must be told
        return f"failed: {error!r}"


def limit_memory(megabytes: int) -> None:
    """Allow this much more than is used now."""
    import resource  # not on Windows

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    for warm_up in sys.argv[2:]:
        print(look(Path(warm_up)), flush=True)
    if sys.platform == "linux":
        limit_memory(int(sys.argv[1]))
    for line in sys.stdin:
        print(look(Path(line.rstrip("\n"))), flush=True)


if __name__ == "__main__":
    main()
