from __future__ import annotations

import numpy as np
import pytest
import torch

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
