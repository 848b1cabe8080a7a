"""Torch's threads while networks of different sizes are evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest
import torch

from napari_stem.devices import choose_device, present_devices, threads_for
from napari_stem.errors import Hint, OptionError, Remedy

SMALL, LARGE = 1e6, 1e15


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    usual = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(usual)


@pytest.mark.parametrize(("multiplications", "threads"), [(SMALL, 1), (5e9, 2), (LARGE, 4)])
def test_threads_are_as_many_as_a_pass_keeps_busy(multiplications: float, threads: int) -> None:
    with threads_for(multiplications):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 4


def test_the_number_of_threads_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), threads_for(SMALL):
        _ = 1 / 0
    assert torch.get_num_threads() == 4


def test_a_thread_that_starts_meanwhile_leaves_the_usual_number() -> None:
    """Torch starts new threads with the number that was set last, wherever that was."""
    seen = []

    def other() -> None:
        with threads_for(SMALL):
            pass
        seen.append(torch.get_num_threads())

    with threads_for(SMALL):
        thread = Thread(target=other)
        thread.start()
        thread.join()
    thread = Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [4, 4]


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
