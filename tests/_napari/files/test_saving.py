"""File > Save Layers is napari's: all layers are saved as if this plugin were not there."""

from __future__ import annotations

import numpy as np
import pytest
from npe2 import PluginManager

from napari_stem._napari.canvas.attach import workspace_of


@pytest.mark.parametrize("types", [["image"], ["labels"], ["image"] * 2, ["image", "labels"]])
def test_no_layers_are_claimed(types):
    writers = PluginManager.instance().iter_compatible_writers(types)
    assert "napari-stem" not in {writer.plugin_name for writer in writers}


def test_two_images_are_saved_by_napari_also_beside_a_slide(viewer, section, tmp_path):
    images = [viewer.add_image(np.full((9, 9), i, np.uint8), name=f"mine {i}") for i in range(2)]
    saved = viewer.layers.save(str(tmp_path / "both"))
    assert [viewer.open(path, plugin="napari")[0].data.max() for path in sorted(saved)] == [0, 1]
    workspace_of(viewer).take_slide(section.slide)
    viewer.layers.selection = {images[1]}
    (path,) = viewer.layers.save(str(tmp_path / "one.tif"), selected=True)
    assert viewer.open(path, plugin="napari")[0].data.max() == 1
