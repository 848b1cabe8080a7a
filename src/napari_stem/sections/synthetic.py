"""Generated H&E sections whose morphology determines their expression by a known law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, sparse

from napari_stem.sections.section import Section
from napari_stem.sections.synthetic_tissue import MPP, REGIONS, lay_out, render
from napari_stem.slides.slide import Slide
from napari_stem.spots.grid import lattice
from napari_stem.spots.table import spot_table
from napari_stem.spots.visium import DIAMETER_UM, PITCH_UM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Field = NDArray[np.floating]

# Genes that each kind of tissue expresses, by commonly used markers.
MARKERS = {
    "tumour": "EPCAM KRT8 KRT18 KRT19 ERBB2 GNAS FASN MUC1 CDH1 TFF3 XBP1 GATA3 MKI67 TOP2A",
    "stroma": "COL1A1 COL1A2 COL3A1 COL4A1 FN1 VIM SPARC DCN LUM ACTA2 TAGLN FAP POSTN THY1",
    "immune": "PTPRC CD3D CD3E CD8A TRAC MS4A1 CD79A IGHA1 IGKC CCL19 CXCL13 CD74 LTB IL7R",
    "fat": "ADIPOQ PLIN1 PLIN4 FABP4 LPL GPX3 CIDEC LEP CD36 PPARG",
    "glands": "KRT5 KRT14 KRT17 KRT15 LTF SCGB2A2 PIP AZGP1 OXTR KIT",
}
# Genes that are either off or on in a spot; the tissue decides how likely they are on.
SWITCHES = {"ESR1": "tumour", "PGR": "tumour", "CCL5": "immune", "S100A8": "stroma"}
EVERYWHERE = [
    "ACTB",
    "GAPDH",
    "B2M",
    "EEF1A1",
    "TMSB4X",
    "MALAT1",
    "MT-CO1",
    "MT-ND1",
    "RPL13",
    "RPS6",
    "UBC",
    "TPT1",
]
GENES = (*(g for genes in MARKERS.values() for g in genes.split()), *SWITCHES, *EVERYWHERE)

_DISPERSION = 4.0  # of the gamma that makes counts vary more than Poisson's
_SWITCHED_ON = 12.0  # mean count of a switch that is on


def generate_section(name: str, *, seed: int, size_px: int = 2000) -> Section:
    """Make a section of tumour, stroma, immune infiltrate, fat and glands with paired counts.

    Parameters
    ----------
    seed
        Decides tissue, stain and counts.
    size_px
        Side of the square slide, 0.5 µm per pixel.

    Returns
    -------
    A section with a Visium-like grid. `obsm["composition"]` is the share of each of `REGIONS`
    under a spot, `layers["rate"]` the mean of each count given the tissue, over on and off.
    """
    random = np.random.default_rng(seed)
    regions, tissue = lay_out(random, size_px)
    image = render(random, regions, tissue)
    pitch = PITCH_UM / MPP
    xy = lattice(size_px, size_px, pitch)
    xy = xy[xy[:, 0] <= size_px - pitch]  # with more columns, a seed would mean other counts
    xy = xy[tissue[xy[:, 1].astype(int), xy[:, 0].astype(int)]]
    composition = _composition(regions, xy)
    counts, rate = _express(random, composition)
    spots = spot_table(
        xy,
        diameter_px=DIAMETER_UM / MPP,
        counts=sparse.csr_matrix(counts.astype(np.float32)),
        genes=GENES,
        library=name,
    )
    spots.obsm["composition"] = composition
    spots.layers["rate"] = rate
    return Section(name, Slide.from_array(image, mpp=MPP, name=name), spots)


def _composition(regions: dict[str, NDArray[np.bool_]], xy: Field) -> Field:
    """Share of each region within a spot (n, 5)."""
    radius = int(DIAMETER_UM / MPP / 2)
    shares = []
    for name in REGIONS:
        local = ndimage.uniform_filter(regions[name].astype(np.float32), 2 * radius)
        shares.append(local[xy[:, 1].astype(int), xy[:, 0].astype(int)])
    return np.stack(shares, axis=1).astype(float)


def _express(random: np.random.Generator, composition: Field) -> tuple[Field, Field]:
    """Counts given the composition, and their means (n, genes)."""
    law = np.random.default_rng(0)  # the same law in every section
    rates = []
    for region, genes in MARKERS.items():
        share = composition[:, REGIONS.index(region)]
        for _ in genes.split():
            strength, leak = law.uniform(6, 60), law.uniform(0.1, 1.0)
            rates.append(leak + strength * share ** law.uniform(0.8, 1.4))
    on = [
        1 / (1 + np.exp(-6 * (composition[:, REGIONS.index(region)] - 0.5)))
        for region in SWITCHES.values()
    ]
    rates += [_SWITCHED_ON * probability for probability in on]
    rates += [np.full(len(composition), law.uniform(10, 80)) for _ in EVERYWHERE]
    rate = np.stack(rates, axis=1)
    given = rate.copy()
    first = len(GENES) - len(EVERYWHERE) - len(SWITCHES)
    for column, probability in enumerate(on, start=first):
        given[:, column] = _SWITCHED_ON * (random.random(len(probability)) < probability)
    depth = random.lognormal(0, 0.15, (len(composition), 1))
    noise = random.gamma(_DISPERSION, 1 / _DISPERSION, given.shape)
    return random.poisson(given * depth * noise).astype(float), rate
