"""Sweep: spots against their slide, as scales, extents, axes, units, images and slides vary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData, concat
from numpy.typing import NDArray
from PIL import Image

from napari_stem.sections.section import Section, open_section
from napari_stem.slides.slide import open_slide
from napari_stem.spots.grid import lattice
from napari_stem.spots.table import positions, spot_table

from ..io.visium_writers import counts as visium_counts
from ..io.visium_writers import places as visium_places
from ..io.visium_writers import write_h5, write_run
from .rows import Row, check_refusal, check_told, rows

SIDE, PITCH, MPP = 1600, 100, 1.0  # a Visium array at 1 µm a pixel
SEED = 3
MIDDLE, RADII = (np.array(pair) * SIDE for pair in ([0.6, 0.55], [0.34, 0.3]))
Made = Callable[[Path], Section]


def tissue(*, whole: bool = False) -> NDArray[np.uint8]:
    """Glass with an ellipse of tissue right of the middle; or tissue almost everywhere."""
    y, x = np.mgrid[:SIDE, :SIDE]
    radii = [0.43 * SIDE] * 2 if whole else RADII
    middle = [SIDE / 2] * 2 if whole else MIDDLE
    power = 8 if whole else 2
    inside = ((x - middle[0]) / radii[0]) ** power + ((y - middle[1]) / radii[1]) ** power < 1
    random = np.random.default_rng(SEED)
    noise = np.kron(random.normal(0, 12, (SIDE // 8, SIDE // 8)), np.ones((8, 8)))
    pink = np.stack([205 + noise, 120 + 1.5 * noise, 175 + noise], -1)
    glass = np.full((SIDE, SIDE, 3), 244.0) + random.normal(0, 0.6, (SIDE, SIDE, 1))
    return np.where(inside[..., None], pink, glass).clip(0, 255).astype(np.uint8)


PART, WHOLE = tissue(), tissue(whole=True)


def on_tissue(image: NDArray[np.uint8] = PART) -> NDArray[np.float64]:
    """Places of a hexagonal array, of those on tissue."""
    xy = lattice(SIDE, SIDE, PITCH)
    return xy[image[xy[:, 1].astype(int), xy[:, 0].astype(int), 1] < 200]


def table(xy: NDArray[np.float64], name: str = "brain") -> AnnData:
    counts = np.random.default_rng(0).poisson(5, (len(xy), 3)).astype(np.float32)
    return spot_table(xy, diameter_px=55, counts=counts, genes=["A", "B", "C"], library=name)


def with_array(spots: AnnData) -> AnnData:
    """Visium's array coordinates, as of `lattice`."""
    xy = positions(spots)
    spots.obs["array_row"] = np.round((xy[:, 1] - PITCH / 2) / (PITCH * np.sqrt(3) / 2)).astype(int)
    spots.obs["array_col"] = np.round((xy[:, 0] - PITCH / 2) / (PITCH / 2)).astype(int)
    return spots


def slide(folder: Path, image: NDArray[np.uint8] = PART, mpp: float = MPP) -> Path:
    """A TIFF that states its scale."""
    path = folder / "HE.tif"
    Image.fromarray(image).save(path, dpi=(25_400 / mpp, 25_400 / mpp))
    return path


def opened(
    change: Callable[[AnnData], AnnData | None] = lambda spots: None,
    *,
    image: NDArray[np.uint8] = PART,
    xy: NDArray[np.float64] | None = None,
    mpp: float = MPP,
    **opening: Any,
) -> Made:
    """Of a table that was changed, written as .h5ad, and opened with its slide."""

    def make(folder: Path) -> Section:
        spots = table(on_tissue(image) if xy is None else xy)
        spots = found if (found := change(spots)) is not None else spots
        spots.write_h5ad(folder / "x.h5ad")
        return open_section(folder / "x.h5ad", image=slide(folder, image, mpp), **opening)

    return make


def factors(**known: object) -> Callable[[AnnData], None]:
    """More scale factors in the table."""

    def change(spots: AnnData) -> None:
        spots.uns["spatial"]["brain"]["scalefactors"] |= known

    return change


def places(values: Callable[[NDArray[np.float64]], Any]) -> Callable[[AnnData], None]:
    """Other coordinates in the table."""

    def change(spots: AnnData) -> None:
        spots.obsm["spatial"] = values(positions(spots))

    return change


def frame(*columns: str, order: tuple[int, int] = (0, 1)) -> Callable[[AnnData], None]:
    """Coordinates as a data frame with these columns."""

    def change(spots: AnnData) -> None:
        xy = positions(spots)[:, order]
        spots.obsm["spatial"] = pd.DataFrame(xy, index=spots.obs_names, columns=list(columns))

    return change


def libraries(spots: AnnData) -> None:
    """Rows of two slides, of which `uns` describes one, as concatenation leaves it."""
    spots.obs["library_id"] = np.where(np.arange(spots.n_obs) % 2, "brain", "liver")


def twice(spots: AnnData) -> AnnData:
    """Two arrays, one above the other, of which nothing tells the slide."""
    both = concat([with_array(spots), spots], index_unique="-")
    both.uns = spots.uns
    return both


def images(content: object) -> Callable[[AnnData], None]:
    def change(spots: AnnData) -> None:
        spots.uns["spatial"]["brain"]["images"] = content
        spots.uns["spatial"]["brain"]["scalefactors"]["tissue_hires_scalef"] = 0.25

    return change


def in_tissue(*values: object) -> Callable[[AnnData], None]:
    """Of the first half of the spots and of the second."""

    def change(spots: AnnData) -> None:
        half = np.arange(spots.n_obs) < spots.n_obs // 2
        spots.obs["in_tissue"] = np.where(half, *[np.array(value) for value in values])

    return change


def of_another_run(folder: Path) -> Section:
    """Space Ranger's places of one array beside the matrix of another: barcodes are the same."""
    write_run(folder / "outs")
    spots = visium_places()
    inside = np.arange(len(spots)) % 2 == 1
    write_h5(
        folder / "outs" / "filtered_feature_bc_matrix.h5",
        visium_counts(len(spots))[~inside],
        list(spots["barcode"][~inside]),
    )
    positions_file = folder / "outs" / "spatial" / "tissue_positions.csv"
    spots.assign(in_tissue=inside.astype(int)).to_csv(positions_file, index=False)
    Image.new("RGB", (220, 200), "white").save(folder / "outs" / "slide.png")
    return open_section(folder)


def hest(table_name: str, *image_names: str) -> Made:
    """A data set of that layout with these files."""

    def make(folder: Path) -> Section:
        for part in ("st", "wsis", "metadata"):
            (folder / part).mkdir()
        table(on_tissue()).write_h5ad(folder / "st" / f"{table_name}.h5ad")
        for name in image_names:
            slide(folder).rename(folder / "wsis" / f"{name}.tif")
        return open_section(folder / "st" / f"{table_name}.h5ad")

    return make


def csv(text: Callable[[NDArray[np.float64]], str]) -> Made:
    def make(folder: Path) -> Section:
        (folder / "x.csv").write_text(text(on_tissue()), encoding="utf-8")
        return open_section(folder / "x.csv", image=slide(folder))

    return make


def lines(xy: NDArray[np.float64], head: str = "x,y", form: str = "{:.2f},{:.2f}") -> str:
    return "\n".join([head, *(form.format(*place) for place in xy)])


def geojson(geometry: Callable[[NDArray[np.float64]], list[dict[str, Any]]]) -> Made:
    def make(folder: Path) -> Section:
        features = [
            {"type": "Feature", "properties": {"name": None}, "geometry": each}
            for each in geometry(on_tissue())
        ]
        (folder / "x.geojson").write_text(json.dumps({"type": "F", "features": features}))
        return open_section(folder / "x.geojson", image=slide(folder))

    return make


def points(xy: NDArray[np.float64], *more: float) -> list[dict[str, Any]]:
    return [{"type": "Point", "coordinates": [*map(float, place), *more]} for place in xy]


def named(name: str) -> Made:
    """A slide and a table in a folder, both of that name."""

    def make(folder: Path) -> Section:
        (folder / name).mkdir()
        table(on_tissue()).write_h5ad(folder / name / f"{name}.h5ad")
        slide(folder).rename(folder / name / f"{name}.TIF")
        return open_section(folder / name)

    return make


ALL = on_tissue()
HALF = len(ALL) // 2
SMALL = on_tissue(WHOLE)
TABLE = [
    # Scales.
    Row("array and slide agree", opened(with_array), ALL, told="scales agree"),
    Row("slide at twice the scale", opened(with_array, mpp=2), refused="2 µm/px by the slide"),
    Row("every second spot is kept", opened(lambda s: with_array(s)[::2].copy()), ALL[::2]),
    Row("array columns as text", opened(lambda s: texts(with_array(s))), ALL, told="agree"),
    Row("array turned by 30 degrees", opened(with_array, xy=ALL), ALL, told="agree"),
    Row("a pitch alone", opened(pitch_um=100.0), ALL),
    # Units and pixels of other images.
    Row(
        "micrometres, on a slide that is tissue everywhere",
        opened(places(lambda xy: xy * 0.5), image=WHOLE, mpp=0.5),
        refused="micrometres",
    ),
    Row(
        "pixels of the small picture, on a slide that is tissue everywhere",
        opened(lambda s: (places(lambda xy: xy / 5)(s), factors(tissue_hires_scalef=0.2)(s))[1],
               image=WHOLE),
        refused="tissue_hires_scalef",
    ),
    Row("a small array in a corner of the tissue", opened(xy=SMALL[:40], image=WHOLE), SMALL[:40]),
    # Metadata of odd types.
    Row("scale factor as text", opened(factors(tissue_hires_scalef="0.25")), ALL),
    Row("scale factor as an array", opened(factors(tissue_hires_scalef=np.array([0.25]))), ALL),
    Row("scale factor not a number", opened(factors(tissue_hires_scalef=np.nan)), ALL),
    Row("diameter as text", opened(factors(spot_diameter_fullres="55.0")), ALL),
    Row("diameter 0", opened(factors(spot_diameter_fullres=0.0)), ALL, told="estimated"),
    Row("images as paths", opened(images({"hires": "spatial/tissue_hires_image.png"})), ALL),
    Row("a grey picture", opened(images({"hires": np.full((400, 400), 9, np.uint8)})), ALL),
    Row(
        "a grey picture of another size",
        opened(images({"hires": np.full((200, 400), 9, np.uint8)})),
        refused="1,600 x 800 px",
    ),
    # Coordinates of odd shapes.
    Row("frame of x and y", opened(frame("x", "y")), ALL),
    Row("frame of y and x", opened(frame("y", "x", order=(1, 0))), ALL),
    Row("frame of rows and columns", opened(frame("imagerow", "imagecol", order=(1, 0))), ALL),
    Row(
        "frame of Space Ranger's names",
        opened(frame("pxl_row_in_fullres", "pxl_col_in_fullres", order=(1, 0))),
        ALL,
    ),
    Row("frame of texts", opened(lambda s: frame_of_texts(s)), refused="numbers"),
    Row("whole numbers", opened(places(lambda xy: xy.round().astype(np.int32))), ALL.round()),
    Row("a third coordinate", opened(places(lambda xy: np.c_[xy, xy[:, 0] * 0])), ALL),
    Row("one coordinate", opened(places(lambda xy: xy[:, :1])), refused="shape"),
    Row("none", opened(lambda s: s.obsm.pop("spatial") is None or s), refused="obsm"),
    Row("NaN in one spot", opened(places(lambda xy: blank(xy))), refused="spot_0"),
    Row("all spots in one place", opened(places(lambda xy: xy * 0 + 900)), refused="one place"),
    # Several slides and arrays.
    Row("rows of two slides, one described", opened(libraries), ALL[1::2], told="of other slides"),
    Row("two arrays, one above the other", opened(twice), refused="several arrays"),
    Row("several images", lambda f: (slide(f), images_beside(f))[1], refused=r"HE\.tif .*a\.png"),
    Row("places of one run, counts of another", of_another_run, refused="same run"),
    Row("a slide whose name begins like another's", hest("S1", "S1.2"), refused="found: none"),
    Row("its own slide beside that one", hest("S1", "S1", "S1.2"), ALL),
    Row("brackets in a name of HEST", hest("T[1]", "T[1]"), ALL),
    # Spots beside the tissue.
    Row("in_tissue in words", opened(in_tissue("TRUE", "FALSE")), ALL[:HALF], told="left out"),
    Row("in_tissue nowhere", opened(in_tissue(0, 0)), ALL, told="in_tissue is never 1"),
    Row("in_tissue unknown words", opened(in_tissue("edge", "core")), ALL, told="in_tissue"),
    # Text files.
    Row("CSV with a mark of its encoding", csv(lambda xy: "\ufeff" + lines(xy)), ALL),
    Row("CSV with semicolons and decimal commas", csv(lambda xy: lines(xy, "x;y", "{};{}")
        .replace(".", ",")), ALL),
    Row("CSV with commas that may part thousands",
        csv(lambda xy: lines(xy, "x,y", '"1,{0:.0f}",{1}')), refused="line 2"),
    Row("CSV with x twice", csv(lambda xy: lines(xy, "x,X,y", "{0:.2f},{0:.2f},{1:.2f}")),
        refused="more than once"),
    Row("CSV with quotes and capitals", csv(lambda xy: lines(xy, '"X","Y"')), ALL),
    Row("GeoJSON with a third coordinate", geojson(lambda xy: points(xy, 0.0)), ALL),
    Row("GeoJSON with infinite numbers", geojson(lambda xy: points(xy * np.inf)), refused="finite"),
    Row("GeoJSON of lines", geojson(lambda xy: [
        {"type": "LineString", "coordinates": xy.tolist()}]), refused="no points"),
    # Names.
    Row("brackets and a star in names", named("b[1]*"), ALL),
    Row("a name of other alphabets", named("切片 β-🧠"), ALL),
]  # fmt: skip


def texts(spots: AnnData) -> AnnData:
    spots.obs["array_row"] = spots.obs["array_row"].astype(str)
    return spots


def frame_of_texts(spots: AnnData) -> None:
    frame("x", "y")(spots)
    spots.obsm["spatial"] = spots.obsm["spatial"].astype(str) + " px"


def blank(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    xy = xy.copy()
    xy[0] = np.nan
    return xy


def images_beside(folder: Path) -> Section:
    Image.fromarray(PART).save(folder / "a.png")
    table(ALL).write_h5ad(folder / "x.h5ad")
    return open_section(folder)


@rows(TABLE)
def test_spots_lie_where_they_were_measured_or_are_refused(row: Row, tmp_path: Path):
    if row.refused:
        check_refusal(row, lambda: row.make(tmp_path))
        return
    with row.make(tmp_path) as section:
        np.testing.assert_allclose(positions(section.spots), row.right, atol=0.01)
        check_told(row, section.notes)


def test_the_slide_of_the_sweep_states_its_scale(tmp_path: Path):
    with open_slide(slide(tmp_path)) as opened_slide:
        assert opened_slide.mpp == MPP
