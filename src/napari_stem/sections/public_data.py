"""Sample data: generated sections, and HER2ST from a local folder or downloaded once."""

from __future__ import annotations

import os
from pathlib import Path

import pooch

from napari_stem.errors import OptionError, SlideNotFound
from napari_stem.sections.section import Section, open_section
from napari_stem.sections.synthetic import generate_section
from napari_stem.storage import cache_dir
from napari_stem.text import one_line

DATA_VARIABLE = "NAPARI_STEM_DATA"
HER2ST_URL = (
    "https://raw.githubusercontent.com/almaan/her2st/85df7411b987a7dec3feff9718b869a7a82091ec/data"
)

# Image, counts and spots of each section: path below HER2ST_URL and sha256 of its content.
# Andersson et al., Nat Commun 12, 6012 (2021); CC BY 4.0.
HER2ST = {
    "C2": (
        (
            "ST-imgs/C/C2/5714_HE_BT_C2.jpg",
            "26e2f73ae840cdd46c5bba405aae181f13a56a376b9848dff23f7a9c5de7f19e",
        ),
        ("ST-cnts/C2.tsv.gz", "c1c59ea6cffae36b9ecb561b8e2a97e3aa5f4085f748e991a0e330ed9d09773d"),
        (
            "ST-spotfiles/C2_selection.tsv",
            "235b5f4306b3b57c628ffc82c98c7109602474fbcc79a917b9c50517f99b6b1c",
        ),
    ),
    "C3": (
        (
            "ST-imgs/C/C3/5714_HE_BT_D1.jpg",
            "0005a92674014d473040a28f0afca89ce5fa5c44019b479b638ceb3272ceb568",
        ),
        ("ST-cnts/C3.tsv.gz", "e00c55a3eb9caac5d9c71b8906aae8be8b38f93e23938f4a0ebee17683ef6a2a"),
        (
            "ST-spotfiles/C3_selection.tsv",
            "7fd76c13370b7804ac3bb377b846d22485cf9223f9dd8dfc25be06e5aaf65755",
        ),
    ),
    "C4": (
        (
            "ST-imgs/C/C4/5714_HE_BT_D2.jpg",
            "f40607eb1d5f0d125decd71c48b0c5d29cf6776ad92297fd185631208c82d6f2",
        ),
        ("ST-cnts/C4.tsv.gz", "33201f76d41d7131dc600a0f87d9a70383af3503e81698b4d11e6f2e8d73e9da"),
        (
            "ST-spotfiles/C4_selection.tsv",
            "47e79f3b9dbfa3a8c18af9e948ba7ba4bf0a75ea1b4c292bc714ced7d0917d4c",
        ),
    ),
    "C5": (
        (
            "ST-imgs/C/C5/5714_HE_BT_E1.jpg",
            "34028ea41e376396b50c42b0a11a7e689c85be4a8022e668d0a09cc128c04c65",
        ),
        ("ST-cnts/C5.tsv.gz", "c0f310315ca6110d74dbdf7011e5b42432ba0b8eb5f001824764911988f39338"),
        (
            "ST-spotfiles/C5_selection.tsv",
            "2114cc3b4da759772112897f1e247d5443c9f8c808e6a9a952eb4fda379a194c",
        ),
    ),
}
_NAMES = ("HE.jpg", "counts.tsv.gz", "spots.tsv")


def is_sample(name: str) -> bool:
    """Whether a text is meant as the name of a sample section."""
    return name.startswith(("generated:", "her2st:"))


def sample_section(name: str, *, data: Path | None = None) -> Section:
    """A section by name: "generated:SEED" or "her2st:SECTION".

    Parameters
    ----------
    data
        Folder that holds her2st/SECTION; NAPARI_STEM_DATA otherwise; else HER2ST is downloaded.

    Raises
    ------
    OptionError
        The name is unknown.
    SlideNotFound
        The download failed.
    """
    kind, _, which = name.partition(":")
    if kind == "generated" and which.isdigit():
        return generate_section(f"generated-{which}", seed=int(which))
    if kind == "her2st" and which in HER2ST:
        return open_section(her2st_folder(which, data))
    raise OptionError(
        f"There is no sample section '{name}'. Choose generated:SEED (for example "
        f"generated:1), or one of {', '.join(f'her2st:{section}' for section in HER2ST)}."
    )


def is_here(section: str) -> bool:
    """Whether a section of HER2ST can be opened without a download."""
    if (mirror := _mirror(None)) is not None and (mirror / "her2st" / section).is_dir():
        return True
    folder = cache_dir() / "her2st" / section
    return all((folder / name).is_file() for name in _NAMES)


def her2st_folder(section: str, data: Path | None = None, *, url: str = HER2ST_URL) -> Path:
    """The folder of a HER2ST section: the local copy, else downloaded, checked and kept.

    Raises
    ------
    SlideNotFound
        The download failed, or what came is not what was published.
    """
    mirror = _mirror(data)
    if mirror is not None and (mirror / "her2st" / section).is_dir():
        return mirror / "her2st" / section
    folder = cache_dir() / "her2st" / section
    for name, (path, sha256) in zip(_NAMES, HER2ST[section], strict=True):
        try:
            pooch.retrieve(f"{url}/{path}", f"sha256:{sha256}", fname=name, path=folder)
        except (OSError, ValueError) as error:
            raise SlideNotFound(
                f"'{name}' of HER2ST section {section} could not be downloaded: "
                f"{one_line(error)}. Connect to the internet, or set {DATA_VARIABLE} to a "
                f"folder that contains her2st/{section}."
            ) from error
    return folder


def _mirror(data: Path | None) -> Path | None:
    """The folder that was given, or that the environment names."""
    return data or (Path(os.environ[DATA_VARIABLE]) if DATA_VARIABLE in os.environ else None)
