"""Patches to vectors, so many at once as memory has room for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor

from napari_stem.devices import is_out_of_memory
from napari_stem.errors import EncoderError, Hint, Remedy
from napari_stem.events import Check
from napari_stem.features.patches import dihedral
from napari_stem.features.stoppable import checked

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from napari_stem.features.encoders.entry import Encoder

Described: TypeAlias = "tuple[NDArray[np.intp], NDArray[np.float32]]"

_CPU_PATCHES = 8  # that a core describes between two checks whether anybody waits for them


class Describing:
    """Describes patches, so many at once as memory has room for."""

    def __init__(
        self,
        encoder: Encoder,
        module: nn.Module,
        device: torch.device,
        views: tuple[int, ...],
        size: int,
        *,
        bfloat16: bool = False,
    ) -> None:
        self._encoder, self._module, self._device, self._views = encoder, module, device, views
        self._precision = partial(torch.autocast, device.type, torch.bfloat16, enabled=bfloat16)
        self._size = min(size, _CPU_PATCHES) if device.type == "cpu" else size

    def __call__(
        self, rows: NDArray[np.intp], patches: NDArray[np.uint8], check: Check
    ) -> Described:
        """Rows of the spots, and (b, v, d) vectors of their patches in all views."""
        turned = [np.ascontiguousarray(dihedral(patches, view)) for view in self._views]
        vectors = [self._describe(torch.from_numpy(view), check) for view in turned]
        return rows, torch.stack(vectors, dim=1).numpy()

    def _describe(self, patches: Tensor, check: Check) -> Tensor:
        while True:
            size, found = self._size, []
            try:
                with torch.inference_mode(), checked(check), self._precision():
                    for part in torch.split(patches, size):
                        check()
                        found.append(self._module(part.to(self._device)).cpu())
                    return torch.cat(found)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if size == 1:
                    raise EncoderError(
                        f"Encoder {self._encoder.name} needs more memory than {self._device} has, "
                        "even for one patch. Choose a smaller encoder, or the CPU.",
                        hint=Hint(Remedy.DEVICE, "cpu"),
                    ) from error
                self._size = min(self._size, size // 2)
