"""Olympus' VSI: a TIFF of overviews, whose scan lies in a folder beside it."""

from __future__ import annotations

from pathlib import Path

from napari_stem.errors import SlideUnreadable


def vsi_notes(path: Path) -> tuple[str, ...]:
    """What to tell of a VSI file; nothing of other files.

    Raises
    ------
    SlideUnreadable
        The scan is beside it, so that the file itself would show an overview.
    """
    if path.suffix.lower() != ".vsi":
        return ()
    folder = path.with_name(f"_{path.stem}_")
    scans = sorted(file for file in folder.rglob("*") if file.suffix.lower() == ".ets")
    if not scans:
        told = f"the folder with the scan, '{folder.name}', is not beside it"
        return (f"A .vsi file can hold an overview alone, and {told}. Check the image.",)
    raise SlideUnreadable(
        "A .vsi file holds an overview alone; the scan itself is in the format .ets, which is not "
        f"supported: '{folder.name}/{scans[0].relative_to(folder).as_posix()}'. Export the slide "
        "as TIFF from OlyVIA or cellSens, or convert it to OME-Zarr with bioformats2raw. File: "
        f"'{path}'."
    )
