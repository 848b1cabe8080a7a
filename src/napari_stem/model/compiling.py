"""Networks whose blocks run as compiled code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from warnings import filterwarnings

from napari_stem.errors import OptionError

if TYPE_CHECKING:
    from napari_stem.model.network import StemNetwork

_COMPILERS = ("torch._dynamo", "torch._inductor")
_VARIANTS = 100  # of a block: sizes of networks, for training or not, and a few shapes of each
_IDLE_WARNINGS = (  # of what the compiler leaves out, and of what it looks at
    "Dynamo does not know how to trace",
    "The .grad attribute of a Tensor that is not a leaf",
)


def compile_blocks(network: StemNetwork) -> StemNetwork:
    """Let the blocks of a network be compiled in their first pass; the same network.

    All blocks share one code. It is made for the shape of the first batch, and once more for any
    shape where a second one comes. A copy of the network is not compiled.
    """
    from torch import _dynamo  # takes a second to load

    _dynamo.config.recompile_limit = max(_dynamo.config.recompile_limit, _VARIANTS)
    for message in _IDLE_WARNINGS:
        filterwarnings("ignore", message, UserWarning)
    for block in network.blocks:
        block.compile()
    return network


@contextmanager
def compiling() -> Iterator[None]:
    """Within, a network may be compiled.

    Raises
    ------
    OptionError
        It could not be; the message says why.
    """
    try:
        yield
    except RuntimeError as error:
        if not type(error).__module__.startswith(_COMPILERS):
            raise
        reason = str(error).strip().partition("\n")[0]
        raise OptionError(
            f"The network could not be compiled: {reason}. Install a C++ compiler, on a "
            "GPU also Triton, or go on without compiling."
        ) from error
