"""Damaged files and bombs end in one error that names the file, in little memory and time."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ome_zarr.format import Format, FormatV04, FormatV05
from PIL import Image

from .slide_writers import (
    CZI_JPEG_XR,
    CZI_ZSTD_PACKED,
    CziTile,
    texture,
    write_bif,
    write_czi,
    write_mrxs,
    write_ndpi,
    write_ome_zarr,
    write_scn,
    write_svs,
)

CHILD = Path(__file__).with_name("slide_child.py")
MEGABYTES = 400  # a child may use for slides
SECONDS = 120  # for one file; milliseconds, but on a busy machine
EXTREMES = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\0\x80", b"\xff\xff\0\0")


class Child:
    """A process that looks at slides, started again if one ends it."""

    def __init__(self, *warm_up: Path) -> None:
        # Arenas and threads of numerical libraries reserve addresses that nobody uses.
        environment = os.environ | {"MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), str(MEGABYTES), *map(str, warm_up)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        for _ in warm_up:
            self._answer()

    def look(self, path: Path) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        watch = threading.Timer(SECONDS, self._process.kill)
        watch.start()
        try:
            return self._answer()
        finally:
            watch.cancel()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        return answer or f"the process ended with {self._process.wait()}"

    def close(self) -> None:
        self._process.communicate(timeout=SECONDS)


def picture(height: int = 96, width: int = 128) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_samples(folder: Path) -> list[Path]:
    """A small file a layout."""
    image = picture()
    tiled = {"photometric": "rgb", "tile": (32, 32), "metadata": None}
    for compression in ("jpeg", "jpeg2000", "deflate", "lzw"):
        with tifffile.TiffWriter(folder / f"{compression}.tif") as tiff:
            tiff.write(image, subifds=1, compression=compression, **tiled)  # type: ignore[arg-type]
            tiff.write(image[::2, ::2], compression=compression, subfiletype=1, **tiled)  # type: ignore[arg-type]
    tifffile.imwrite(folder / "strips.tif", image, photometric="rgb", compression="deflate")
    tifffile.imwrite(folder / "big.ome.tif", image, photometric="rgb", tile=(32, 32), bigtiff=True)
    Image.fromarray(image).save(folder / "photo.jpg")
    Image.fromarray(image).save(folder / "photo.png")
    write_svs(folder / "slide.svs", image)
    write_ndpi(folder / "slide.ndpi", [texture(128, 192)], mpp=0.25)
    write_scn(folder / "slide.scn", texture(128, 192), [(50_000, 40_000)])
    write_bif(folder / "slide.bif", texture(122, 120))
    tiles = [CziTile(texture(96, 64), x, 0) for x in (0, 60)]
    write_czi(folder / "jxr.czi", tiles, 0.25, CZI_JPEG_XR)
    deep = [tile._replace(pixels=tile.pixels.astype(np.uint16)) for tile in tiles]
    write_czi(folder / "zstd.czi", deep, 0.25, CZI_ZSTD_PACKED)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def samples(real_slides: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A small file a layout, and the small real ones that are here."""
    small = [path for path in real_slides if path.stat().st_size < 10_000]
    return [*write_samples(tmp_path_factory.mktemp("samples")), *small]


@pytest.fixture(scope="module")
def child(samples: list[Path]) -> Iterator[Child]:
    running = Child(*samples)
    yield running
    running.close()


@st.composite
def damages(draw: st.DrawFn) -> tuple[float, list[tuple[float, bytes | int]]]:
    """Where a file is cut, as a share of it, and what is written over, or which bit is flipped."""
    cut = draw(st.one_of(st.just(1.0), st.floats(0, 1)))
    # Most of what a format means stands at its beginning or at its end.
    place = st.one_of(st.floats(0, 1), st.floats(0, 0.03), st.floats(0.9, 1))
    what = st.one_of(
        st.sampled_from(EXTREMES), st.integers(0, 7), st.binary(min_size=1, max_size=4)
    )
    return cut, draw(st.lists(st.tuples(place, what), min_size=int(cut == 1), max_size=6))


def damaged(content: bytes, damage: tuple[float, list[tuple[float, bytes | int]]]) -> bytes:
    cut, changes = damage
    found = bytearray(content[: int(cut * len(content))])
    for share, what in changes:
        if not found:
            break
        place = min(int(share * len(found)), len(found) - 1)
        if isinstance(what, int):
            found[place] ^= 1 << what
        else:
            found[place : place + len(what)] = what
    return bytes(found)


def quick(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def check_damaged_files(child: Child, samples: list[Path], folder: Path, examples: int) -> None:
    @quick(examples)
    @given(st.integers(0, len(samples) - 1), damages())
    def check(which: int, damage: tuple[float, list[tuple[float, bytes | int]]]) -> None:
        sample = samples[which]
        path = folder / sample.name
        path.write_bytes(damaged(sample.read_bytes(), damage))
        answer = child.look(path)
        assert answer.startswith(("read ", "refused")), answer

    check()


def test_damaged_slides_are_read_or_refused(child: Child, samples: list[Path], tmp_path: Path):
    check_damaged_files(child, samples, tmp_path, 200)


@pytest.mark.slow
def test_many_damaged_slides_are_read_or_refused(child: Child, samples: list[Path], tmp_path: Path):
    check_damaged_files(child, samples, tmp_path, 1000)


def check_damaged_folders(child: Child, path: Path, examples: int) -> None:
    """Damage one file a time of a slide that consists of several."""
    files = sorted(file for file in path.parent.rglob("*") if file.is_file())
    assert child.look(path).startswith("read 192 128")

    @quick(examples)
    @given(st.integers(0, len(files) - 1), damages())
    def check(which: int, damage: tuple[float, list[tuple[float, bytes | int]]]) -> None:
        content = files[which].read_bytes()
        files[which].write_bytes(damaged(content, damage))
        answer = child.look(path)
        files[which].write_bytes(content)
        assert answer.startswith(("read ", "refused")), answer

    check()


@pytest.mark.parametrize("fmt", [FormatV04(), FormatV05()], ids=["0.4", "0.5"])
def test_damaged_ome_zarr_folders_are_read_or_refused(child: Child, tmp_path: Path, fmt: Format):
    write_ome_zarr(tmp_path / "slide.ome.zarr", texture(128, 192), fmt)
    check_damaged_folders(child, tmp_path / "slide.ome.zarr", 60)


def test_damaged_mrxs_folders_are_read_or_refused(child: Child, tmp_path: Path):
    write_mrxs(tmp_path / "slide.mrxs", texture(128, 192), missing=4)
    check_damaged_folders(child, tmp_path / "slide.mrxs", 60)


def png_bomb(path: Path) -> None:
    """900 million pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    size = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(50_000_000), 9)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels))


def one_strip_bomb(path: Path) -> None:
    strip = zlib.compress(bytes(3 * 20_000 * 2_000), 9)
    tifffile.imwrite(
        path, iter([strip] * 10), shape=(20_000, 20_000, 3), dtype=np.uint8, photometric="rgb",
        compression="deflate", rowsperstrip=2_000,
    )  # fmt: skip


def large_tile_bomb(path: Path) -> None:
    tile = zlib.compress(bytes(3 * 16_000 * 8_000), 9)
    tifffile.imwrite(
        path, iter([tile]), shape=(8_000, 16_000, 3), dtype=np.uint8, photometric="rgb",
        compression="deflate", tile=(8_000, 16_000),
    )  # fmt: skip


def absurd_size(path: Path) -> None:
    """One tile of a picture that claims to be 2,147,483,647 pixels wide and high."""
    tifffile.imwrite(path, picture(), photometric="rgb", tile=(32, 32))
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        for name in ("ImageWidth", "ImageLength"):
            tag = tiff.pages[0].tags[name]
            tag.overwrite(2**31 - 1, dtype="I")


def circular(path: Path) -> None:
    """The list of pictures has no end."""
    tifffile.imwrite(path, picture(), photometric="rgb", tile=(32, 32), metadata=None)
    content = bytearray(path.read_bytes())
    start = struct.unpack_from("<I", content, 4)[0]
    link = start + 2 + 12 * struct.unpack_from("<H", content, start)[0]
    struct.pack_into("<I", content, link, start)
    path.write_bytes(content)


@pytest.mark.parametrize("write", [png_bomb, one_strip_bomb, large_tile_bomb, absurd_size])
def test_bombs_are_refused(child: Child, tmp_path: Path, write):
    path = tmp_path / "slide.tif"
    write(path)
    assert path.stat().st_size < 2_000_000
    assert child.look(path) == "refused"


def test_a_tiff_without_an_end_is_read_or_refused(child: Child, tmp_path: Path):
    circular(tmp_path / "slide.tif")
    assert child.look(tmp_path / "slide.tif").startswith(("read 128 96", "refused"))


def test_a_slide_of_ten_gigapixels_needs_little_memory(child: Child, tmp_path: Path):
    """30 GB of pixels, of which few are stored, in a child that may use 400 MB."""
    path, side, tile = tmp_path / "flat.tif", 100_000, 512
    n = -(-side // tile)
    stored = zlib.compress(picture(tile, tile).tobytes())
    middle = n * (n // 2) + n // 2
    tifffile.imwrite(
        path,
        (stored if i in (0, middle) else b"" for i in range(n * n)),
        shape=(side, side, 3),
        dtype=np.uint8,
        photometric="rgb",
        compression="deflate",
        tile=(tile, tile),
        resolution=(40_000, 40_000),
        resolutionunit="CENTIMETER",
        bigtiff=True,
    )
    assert child.look(path) == "read 100000 100000 0.25"
