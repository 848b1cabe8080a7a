"""Docks share the networks of a checkpoint, and nobody keeps them for nothing."""

from __future__ import annotations

import gc
import shutil
from weakref import ref

from napari_stem._napari.files.opening import describe_checkpoint
from napari_stem._napari.predict.tasks import predict
from napari_stem._napari.shell.networks import in_memory
from napari_stem._napari.state.request import PredictRequest
from napari_stem.events import finish
from napari_stem.prediction.options import PredictOptions


def test_a_checkpoint_is_in_memory_once_for_each_content_and_as_long_as_it_is_used(
    trained, tmp_path, qtbot
):
    copy = tmp_path / "copy.safetensors"
    shutil.copy(trained.path, copy)
    one, other = (finish(describe_checkpoint(path)) for path in (trained.path, copy))
    held = in_memory(one)
    assert in_memory(other) is held
    gone = ref(held)
    del held
    qtbot.waitUntil(lambda: not gc.collect() and gone() is None)  # threads may still end


def test_a_prediction_uses_what_another_dock_holds(section, trained, tmp_path):
    path = tmp_path / "moved.safetensors"
    shutil.copy(trained.path, path)
    chosen = finish(describe_checkpoint(path))
    held = in_memory(chosen)
    path.unlink()  # so that it could not be read again
    request = PredictRequest(section.slide, section.spots, chosen, PredictOptions(n_draws=1))
    assert finish(predict(request)).n_draws == 1
    assert in_memory(chosen) is held
