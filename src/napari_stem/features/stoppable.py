"""Networks of others that can be stopped between their layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from napari_stem.events import go_on

if TYPE_CHECKING:
    from torch import nn

    from napari_stem.events import Check

_check: ContextVar[Check] = ContextVar("check", default=go_on)


def stoppable(network: nn.Module) -> nn.Module:
    """The same network, each layer of which begins with the check of the thread that computes."""
    for layer in network.modules():
        layer.register_forward_pre_hook(lambda *_: _check.get()())
    return network


@contextmanager
def checked(check: Check) -> Iterator[None]:
    """Within, stoppable networks call a check before each layer; what it raises ends the pass."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)
