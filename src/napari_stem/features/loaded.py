"""What is loaded or found once: networks on each device, and the stains of slides."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import deepcopy
from itertools import chain
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import torch
    from torch import nn

    from napari_stem.features.stains import Stains

    Network = TypeVar("Network", bound=nn.Module)


class Loaded:
    """Encoders by what they are, and networks on the devices that compute.

    A network of the caller stays where it is; the copy of it lives as long.

    Attributes
    ----------
    stains
        Stains of slides, by slide and resolution (`features.stains`).
    """

    def __init__(self) -> None:
        self.stains: dict[Hashable, Stains] = {}
        self._encoders: dict[tuple[Hashable, torch.device], nn.Module] = {}
        self._copies: WeakKeyDictionary[nn.Module, dict[Hashable, nn.Module]]
        self._copies = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[Loaded], tuple[()]]:
        """Nothing of it travels: another process loads its own."""
        return Loaded, ()

    def has_encoder(self, key: Hashable, device: torch.device) -> bool:
        """Whether an encoder is on a device already."""
        return (key, device) in self._encoders

    def encoder(
        self, key: Hashable, device: torch.device, build: Callable[[], nn.Module]
    ) -> nn.Module:
        """The encoder of that key on a device, built at the first call."""
        if not self.has_encoder(key, device):
            self._encoders[key, device] = self.network(build(), device)
        return self._encoders[key, device]

    def network(
        self,
        network: Network,
        device: torch.device,
        prepare: Callable[[Network], Network] | None = None,
    ) -> Network:
        """The network on a device, or what `prepare` makes of a copy of it there."""
        tensor = next(chain(network.parameters(), network.buffers()), None)
        if prepare is None and (tensor is None or tensor.device == device):
            return network
        copies, key = self._copies.setdefault(network, {}), (device, prepare)
        if key not in copies:
            copy = deepcopy(network).to(device)
            copies[key] = prepare(copy) if prepare else copy
        return copies[key]  # type: ignore[return-value]
