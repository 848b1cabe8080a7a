"""What a cohort leaves in its folder, without predicting anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from anndata import AnnData

from napari_stem.cohort.manifest import Manifest, Row
from napari_stem.cohort.order import Listed
from napari_stem.exports.h5ad import write_h5ad
from napari_stem.spots.table import spot_table

GREY = 200


def predicted(values: list[float], *, gene: str = "EPCAM") -> AnnData:
    """Spots in a row, 100 px apart, on a grey slide whose picture is a quarter of its size."""
    xy = [(100 + 100 * i, 100) for i in range(len(values))]
    made = spot_table(
        xy, diameter_px=60, counts=np.array([values], np.float32).T, genes=[gene], library="a"
    )
    made.layers["std"] = np.ones(made.shape, np.float32)
    made.obs["ood"] = np.linspace(0, 2, len(values), dtype=np.float32)
    entry = made.uns["spatial"]["a"]
    width = 25 * (len(values) + 1)
    entry["images"] = {"hires": np.full((50, width, 3), GREY, np.uint8)}
    entry["scalefactors"]["tissue_hires_scalef"] = 0.25
    made.uns["napari_stem"] = {
        "unit": "log2(counts + 1)", "slide": "a", "mpp": 0.5, "n_draws": 4, "recipe": "{}",
    }  # fmt: skip
    return made


def row(folder: Path, name: str, content: AnnData | None = None, **more) -> Row:
    """A slide that is done, with its file if there is a content."""
    file = f"{name}-prediction.h5ad"
    if content is not None:
        write_h5ad(content, folder / file)
    return Row(f"/slides/{name}.svs", **{"state": "done", "name": name, "outputs": (file,), **more})


def write_manifest(folder: Path, rows: list[Row]) -> Manifest:
    """The manifest of these rows, in their states."""
    manifest = Manifest(folder)
    for one in rows:
        listed = Listed(one.slide, name=one.name, patient=one.patient)
        manifest.take(listed, "prediction", "1", one.outputs)
        known = {"outputs": one.outputs, "ood_share": one.ood_share, "spots": one.spots}
        if one.state in ("done", "failed"):
            manifest.finish(one.identity, one.reason, **known)
        else:
            manifest.change(one.identity, state=one.state)
    manifest.write()
    return manifest
