from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, laplace, maximum_filter

from napari_stem.features.encoders.morphology import Morphology
from napari_stem.features.encoders.registry import ENCODERS
from napari_stem.features.patches import VIEWS, dihedral

WHITE, PINK, VIOLET = (250, 245, 250), (225, 165, 200), (80, 50, 130)


def tissue(nuclei: int, *, radius: float = 5, seed: int = 0) -> np.ndarray:
    """A pink patch with violet discs."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:224, :224]
    image = np.full((224, 224, 3), PINK, dtype=np.float64)
    for cx, cy in random.uniform(10, 214, (nuclei, 2)):
        image[np.hypot(x - cx, y - cy) < radius] = VIOLET
    return np.clip(image + random.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def describe(*images: np.ndarray) -> torch.Tensor:
    vectors: torch.Tensor = Morphology()(torch.from_numpy(np.stack(images)))
    return vectors


def test_the_width_is_the_registry_s():
    encoder = ENCODERS["morphology"]
    assert describe(tissue(20)).shape == (1, encoder.width // len(encoder.fields))


def test_the_same_patch_has_the_same_description_in_any_batch():
    images = [tissue(n, seed=n) for n in range(11)]
    together = describe(*images)
    alone = torch.cat([describe(image) for image in images])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_a_turned_patch_differs_far_less_than_another_patch():
    image, other = tissue(40, seed=1), tissue(15, seed=2)
    views = describe(*(np.ascontiguousarray(dihedral(image[None], v)[0]) for v in range(VIEWS)))
    by_turning = (views - views[0]).norm(dim=1).max()
    assert by_turning < 0.05 * (describe(other)[0] - views[0]).norm()


@pytest.mark.parametrize("value", [0, 255])
def test_a_patch_of_one_colour_has_a_finite_description(value):
    assert describe(np.full((224, 224, 3), value, np.uint8)).isfinite().all()


def test_the_mean_of_a_pure_stain_is_its_density():
    """Beer and Lambert: light falls with exp(-density), so equal steps of dye add up."""
    stain = np.array([0.65, 0.70, 0.29])
    stain /= np.linalg.norm(stain)
    means = []
    for density in (0.4, 0.8):
        colour = np.clip(256 * np.exp(-density * stain) - 1, 0, 255).round().astype(np.uint8)
        means.append(describe(np.broadcast_to(colour, (224, 224, 3)).copy())[0, 0].item())
    assert means == pytest.approx([0.4, 0.8], abs=0.01)  # colours are whole numbers


def test_more_nuclei_raise_the_count_of_blobs():
    peaks = [describe(tissue(n))[0] for n in (5, 25, 80)]
    rising = (peaks[0] < peaks[1]) & (peaks[1] < peaks[2])
    first = 3 * 7 + 3 + 2 * 4 * 2 + 2 * 4 * 4  # behind stains, correlations, gradients and blobs
    assert rising[first] or rising[first + 2]


def test_stains_edges_blobs_and_nuclei_are_those_that_scipy_finds():
    patch = tissue(30, radius=4, seed=3)
    found = iter(describe(patch)[0].tolist())
    stains = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
    unmix = np.linalg.inv([np.divide(stain, np.linalg.norm(stain)) for stain in stains])
    areas = patch.reshape(112, 2, 112, 2, 3).mean((1, 3))
    density = np.moveaxis(-np.log((areas + 1) / 256) @ unmix, 2, 0)
    wanted: list[float] = []
    for stain in density:
        some = np.quantile(stain[::2, ::2], (0.05, 0.25, 0.5, 0.75, 0.95))
        wanted += [stain.mean(), stain.std(ddof=1), *some]
    pairs = np.corrcoef(density.reshape(3, -1))
    wanted += [pairs[0, 1], pairs[0, 2], pairs[1, 2]]
    tails, nuclei = list[float](), list[float]()
    for sigma in (0.7, 1.5, 3.0, 6.0):
        radius = int(np.ceil(3 * sigma))
        smooth = gaussian_filter(density[:2], sigma, mode="mirror", radius=radius, axes=(1, 2))
        y, x = (np.gradient(smooth, axis=axis)[:, 1:-1, 1:-1] * 2 for axis in (1, 2))
        blobs = sigma**2 * np.stack([laplace(image, mode="nearest") for image in smooth])
        for edges in np.hypot(y, x):
            wanted += [edges.mean(), edges.std(ddof=1)]
        for blob in blobs:
            tails += [blob.std(ddof=1), *np.quantile(blob[::2, ::2], (0.01, 0.05, 0.95))]
        if sigma in (1.5, 3.0):
            strength = -blobs[0]
            peak = (strength == maximum_filter(strength, 5)) & (strength > 0.05)
            nuclei += [peak.mean(), strength[peak].sum() / peak.size / (peak.mean() + 1e-4)]
    for name, values in (("stains and edges", wanted), ("blobs", tails), ("nuclei", nuclei)):
        assert [next(found) for _ in values] == pytest.approx(values, rel=1e-3, abs=1e-5), name
