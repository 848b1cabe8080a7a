"""Devices by name."""

from __future__ import annotations

import pytest

from napari_stem.devices import choose_device, present_devices
from napari_stem.errors import Hint, OptionError, Remedy


def test_a_device_that_is_not_here_is_refused() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(OptionError, match="'xpu' is not available") as raised:
        choose_device("xpu")
    assert raised.value.hint == Hint(Remedy.DEVICE, "auto")


def test_all_devices_that_are_offered_are_here() -> None:
    names = present_devices()
    assert names[:2] == ["auto", "cpu"]
    for name in names:
        choose_device(name)
