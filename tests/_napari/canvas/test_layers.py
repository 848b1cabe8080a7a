from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_stem._napari.canvas import heatmap, layers
from napari_stem._napari.canvas.layer_source import LayerSource
from napari_stem._napari.files import opening
from napari_stem.errors import SlideError
from napari_stem.events import finish
from napari_stem.slides.slide import Slide
from napari_stem.spots.raster import SpotRaster

RANDOM = np.random.default_rng(0)


@pytest.fixture
def slide() -> Slide:
    pixels = RANDOM.integers(0, 255, (400, 600, 3), dtype=np.uint8)
    return Slide.from_array(pixels, mpp=0.5)


def raster_pixel(layer, x, y, slide):
    """Value of a layer at (x, y) in level-0 pixels, by its world coordinates alone.

    The centre of the slide's pixel (row r, column c) is (x, y) = (c + 0.5, r + 0.5), and its
    world coordinates in napari are (r, c) times the scale.
    """
    world = np.array([y - 0.5, x - 0.5]) * (slide.mpp or 1)
    row, column = np.round(layer.world_to_data(world)).astype(int)
    return layer.data[row, column]


@pytest.mark.parametrize("diameter", [7.0, 110.0, 33.3])
def test_each_spot_lies_at_its_centre_and_reaches_its_radius(slide, diameter):
    xy = np.array([[100.0, 50.0], [300.25, 211.75], [450.0, 350.5]])
    raster = SpotRaster(xy, diameter)
    layer = heatmap.heatmap_layer(slide, "mean")
    heatmap.show_values(layer, slide, raster, np.array([1.0, 2.0, 3.0], np.float32), (1, 3))
    for (x, y), value in zip(xy, (1, 2, 3), strict=True):
        assert raster_pixel(layer, x, y, slide) == value
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            inside, outside = diameter / 2 - raster.step, diameter / 2 + raster.step
            assert raster_pixel(layer, x + dx * inside, y + dy * inside, slide) == value
            if x + dx * outside < 450 and y + dy * outside > 60:  # beyond is no raster
                assert np.isnan(raster_pixel(layer, x + dx * outside, y + dy * outside, slide))


def test_the_slide_lies_at_the_origin_in_micrometres(slide):
    layer = layers.slide_layer(slide)
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    np.testing.assert_allclose(layer.data_to_world((0, 0)), (0, 0))
    np.testing.assert_allclose(layer.data_to_world((10, 20)), (5, 10))


def test_a_slide_without_scale_is_drawn_in_pixels(slide):
    slide.mpp = None
    layer = layers.slide_layer(slide)
    assert [str(unit) for unit in layer.units] == ["pixel", "pixel"]
    np.testing.assert_allclose(layer.data_to_world((10, 20)), (10, 20))


@pytest.mark.parametrize("mpp", [0.5, None])
def test_corners_of_a_shape_are_where_it_was_drawn(slide, mpp):
    slide.mpp = mpp
    drawn = np.array([[100.0, 50.5], [300.25, 60.0], [200.0, 211.75]])
    layer = layers.region_layer(slide)
    layer.add([layers.on_layer(drawn)], shape_type="polygon")
    np.testing.assert_allclose(layers.corners(layer, 0, slide), drawn)
    other = layers.region_layer(slide)  # as a user may have placed it
    other.scale, other.translate = (3, 3), (40, 20)
    world = layer.data_to_world
    moved = [other.world_to_data(world(corner)) for corner in layer.data[0]]
    other.add([moved], shape_type="polygon")
    np.testing.assert_allclose(layers.corners(other, 0, slide), drawn, rtol=1e-5)


class Counting:
    """A level that counts the pixels that were read."""

    ndim, dtype = 3, np.dtype(np.uint8)

    def __init__(self, height: int, width: int) -> None:
        self.shape = (height, width, 3)
        self.size = height * width * 3
        self.read = 0

    def __getitem__(self, key):
        height, width = (len(range(*part.indices(n))) for part, n in zip(key, self.shape[:2]))  # noqa: B905
        self.read += height * width
        return np.zeros((height, width, 3), np.uint8)


def test_a_large_slide_is_shown_without_reading_its_finest_level(slide, monkeypatch):
    levels = (Counting(100_000, 100_000), Counting(25_000, 25_000), Counting(1_000, 1_000))
    monkeypatch.setattr(Slide, "levels", levels)
    layer, beside = layers.slide_layer(slide), heatmap.compared_layers(slide)[0]
    assert [level.read for level in levels[:2]] == [0, 0]
    for each in (layer, beside):  # they share what was read
        np.asarray(each.data[0][:2000, :2000])
    assert levels[0].read == 4 * 1024**2


def test_a_layer_tells_its_file_its_pixels_and_its_scale(slide):
    source = LayerSource.of(layers.slide_layer(slide))
    assert (source.mpp, source.path) == (0.5, None)
    assert source.levels[0].shape == (400, 600, 3)
    assert source.moved == ""


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ("is rotated", {"rotate": 30}),
        ("is registered", {"affine": [[1, 0, 9], [0, 1, 0], [0, 0, 1]]}),
        ("is registered", {"shear": [0.1]}),
        ("is moved", {"translate": (40, 0)}),
        ("not square", {"scale": (0.5, 0.7)}),
    ],
)
def test_an_image_that_lies_otherwise_than_a_slide_is_refused(how, where):
    layer = Image(np.zeros((40, 60, 3), np.uint8), rgb=True, name="mine", **where)
    with pytest.raises(SlideError, match=f"'mine' .*{how}.*Open its file"):
        finish(opening.slide_of_layer(LayerSource.of(layer)))


def test_the_finest_level_of_a_layer_is_read_by_region():
    finest, coarse = Counting(100_000, 80_000), np.zeros((1000, 800, 3), np.uint8)
    layer = Image([finest, coarse], multiscale=True, rgb=True, contrast_limits=(0, 255))
    slide = finish(opening.slide_of_layer(LayerSource.of(layer)))
    assert (slide.height, slide.width) == (100_000, 80_000)
    assert finest.read < 1_000_000  # what tells it apart from other slides
    assert slide.read_region(50_000, 40_000, 30, 20).shape == (20, 30, 3)
