"""OME-TIFF in several files is read whole, or the file to open is named; VSI is an overview."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_stem.errors import SlideUnreadable
from napari_stem.slides.slide import open_slide

from .tiff_writers import stained

IMAGE = stained()
STUB = np.zeros((16, 16, 3), np.uint8)
OWN, OTHER = (f"urn:uuid:{digit * 8}-0000-0000-0000-000000000000" for digit in "12")
OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}">{content}</OME>"""
SCAN = """<Image ID="Image:0" Name="he"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8"
SizeX="448" SizeY="320" SizeZ="1" SizeT="1" SizeC="3" Interleaved="true" BigEndian="false"
PhysicalSizeX="0.5" PhysicalSizeY="0.5"><Channel ID="Channel:0:0" SamplesPerPixel="3"/>
<TiffData IFD="0" PlaneCount="1"><UUID FileName="{file}">{uuid}</UUID></TiffData></Pixels></Image>
"""


def write(path: Path, image: np.ndarray, uuid: str, content: str) -> Path:
    description = OME.format(uuid=uuid, content=content).encode()
    options = {"photometric": "rgb", "tile": (128, 128), "metadata": None}
    tifffile.imwrite(path, image, description=description, **options)
    return path


def write_pixels(folder: Path, described_in: str, image: np.ndarray = IMAGE) -> Path:
    """The file with the slide, which says where it is described."""
    content = f'<BinaryOnly MetadataFile="{described_in}" UUID="{OWN}"/>'
    return write(folder / "data.ome.tif", image, OTHER, content)


def write_master(folder: Path) -> Path:
    """A small TIFF whose description names the file with the slide."""
    scan = SCAN.format(file="data.ome.tif", uuid=OTHER)
    return write(folder / "slide.ome.tif", STUB, OWN, scan)


def write_companion(folder: Path) -> Path:
    path = folder / "slide.companion.ome"
    scan = SCAN.format(file="data.ome.tif", uuid=OTHER)
    path.write_text(OME.format(uuid=OWN, content=scan), encoding="utf-8")
    return path


@pytest.mark.parametrize("write_description", [write_master, write_companion])
def test_the_file_with_the_description_reads_the_others(tmp_path: Path, write_description):
    path = write_description(tmp_path)
    write_pixels(tmp_path, path.name)
    with open_slide(path) as slide:
        assert (slide.name, slide.mpp, slide.notes) == ("slide", 0.5, ())
        np.testing.assert_array_equal(slide.read_region(0, 0, 448, 320), IMAGE)
        fingerprint = slide.fingerprint
    write_pixels(tmp_path, path.name, 255 - IMAGE)
    with open_slide(path) as slide:
        assert slide.fingerprint != fingerprint  # though its own file is the same


@pytest.mark.parametrize("write_description", [write_master, write_companion])
def test_a_file_that_is_described_elsewhere_names_that_file(tmp_path: Path, write_description):
    described = write_description(tmp_path)
    path = write_pixels(tmp_path, described.name)
    with pytest.raises(
        SlideUnreadable, match=f"Open the one that describes them, '{described.name}'"
    ):
        open_slide(path)
    described.unlink()
    with open_slide(path) as slide:
        np.testing.assert_array_equal(slide.read_region(0, 0, 448, 320), IMAGE)
        assert slide.mpp is None
        (note,) = slide.notes
    assert f"'{described.name}', which describes them with scale and names, is not" in note


@pytest.mark.parametrize("write_description", [write_master, write_companion])
def test_missing_files_are_named_and_not_shown_as_black(tmp_path: Path, write_description):
    path = write_description(tmp_path)
    with pytest.raises(SlideUnreadable, match=r"1 other of 1 could not be found: data\.ome\.tif"):
        open_slide(path)


@pytest.mark.parametrize("uuid", [OTHER, ""])
def test_a_file_that_was_renamed_is_still_its_own(tmp_path: Path, uuid: str):
    scan = SCAN.format(file="former.ome.tif", uuid=OTHER)
    path = write(tmp_path / "renamed.ome.tif", IMAGE, uuid, scan)
    with open_slide(path) as slide:
        np.testing.assert_array_equal(slide.read_region(0, 0, 448, 320), IMAGE)
        assert (slide.mpp, slide.notes) == (0.5, ())


def test_a_description_without_files_says_so(tmp_path: Path):
    path = tmp_path / "slide.companion.ome"
    path.write_text(OME.format(uuid=OWN, content=""), encoding="utf-8")
    with pytest.raises(SlideUnreadable, match="names no file"):
        open_slide(path)


def test_a_vsi_beside_its_scan_is_refused_with_what_to_do(tmp_path: Path):
    path = tmp_path / "case.vsi"
    tifffile.imwrite(path, IMAGE, photometric="rgb", metadata=None)
    with open_slide(path) as slide:
        (note,) = slide.notes
    assert "can hold an overview alone" in note
    (tmp_path / "_case_" / "stack1").mkdir(parents=True)
    (tmp_path / "_case_" / "stack1" / "frame_t.ets").write_bytes(b"SIS\0")
    with pytest.raises(SlideUnreadable, match=r"_case_/stack1/frame_t\.ets'\. Export .* OlyVIA"):
        open_slide(path)
