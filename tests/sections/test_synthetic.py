"""Generated sections: the picture decides the counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2hed

from napari_stem.sections.section import Section
from napari_stem.sections.synthetic import GENES, SWITCHES, generate_section
from napari_stem.sections.synthetic_tissue import REGIONS


@pytest.fixture(scope="module")
def large() -> list[Section]:
    return [generate_section(f"s{seed}", seed=seed, size_px=1400) for seed in (1, 2, 3)]


def test_the_seed_decides_everything():
    a, b, c = (generate_section("s", seed=seed, size_px=800) for seed in (5, 5, 6))
    assert a.slide.fingerprint == b.slide.fingerprint != c.slide.fingerprint
    assert (a.spots.X != b.spots.X).nnz == 0


def test_immune_spots_are_darker_in_haematoxylin_than_fat_and_stroma(large):
    darkness = {region: [] for region in REGIONS}
    for section in large:
        slide = section.slide
        hed = rgb2hed(slide.read_region(0, 0, slide.width, slide.height))
        blurred = gaussian_filter(hed[..., 0], 40)
        for (x, y), share in zip(
            section.spots.obsm["spatial"], section.spots.obsm["composition"], strict=True
        ):
            if share.max() > 0.9:
                darkness[REGIONS[share.argmax()]].append(blurred[int(y), int(x)])
    mean = {region: np.mean(values) for region, values in darkness.items() if values}
    assert mean["immune"] > mean["tumour"] > mean["stroma"]
    assert mean["fat"] < mean["stroma"]


def test_counts_follow_the_stated_rates(large):
    counts = np.concatenate([s.spots.X.toarray() for s in large])
    rates = np.concatenate([s.spots.layers["rate"] for s in large])
    for gene in ("EPCAM", "COL1A1", "CD3E"):
        column = GENES.index(gene)
        assert np.corrcoef(counts[:, column], rates[:, column])[0, 1] > 0.7
        # Poisson, times a gamma of variance 1/4 and a lognormal depth of about 1/40.
        rate = rates[:, column]
        error = np.sqrt((rate + 0.28 * rate**2).sum()) / len(rate)
        assert abs(counts[:, column].mean() - rate.mean()) < 4 * error


def test_switches_are_off_or_on_where_the_tissue_leaves_both_open(large):
    spots = [s.spots for s in large]
    for gene, region in SWITCHES.items():
        share = np.concatenate([s.obsm["composition"][:, REGIONS.index(region)] for s in spots])
        counts = np.concatenate([s[:, gene].X.toarray().ravel() for s in spots])
        off = (counts == 0).mean()
        assert 0.1 < off < 0.95
        assert np.median(counts[counts > 0]) > 5  # little between off and on
        assert counts[share > 0.8].mean() > counts[share < 0.2].mean()
