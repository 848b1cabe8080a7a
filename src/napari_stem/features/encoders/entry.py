"""The registry entry of an encoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import nn

Build: TypeAlias = "nn.Module | Callable[[Path | None], nn.Module]"

Triple = tuple[float, float, float]
IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CENTRE = "cls+centre"
_COMMERCIAL = {"BSD-3-Clause": True, "Apache-2.0": True}
_UNKNOWN = ("", "none stated", "see the weights")


@dataclass(frozen=True, slots=True)
class Input:
    """Input of an encoder: values (x / 255 - mean) / std, `size` pixels a side.

    Attributes
    ----------
    resize
        Sides that a patch is brought to, one after the other (bicubic), before its middle of
        `size` pixels is cut out. Without any it is brought to `size`.
    """

    size: int = 224
    mean: Triple = IMAGENET[0]
    std: Triple = IMAGENET[1]
    resize: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """One entry of the registry; checkpoints repeat it whole.

    Entries are equal if they compute the same features; source, licence and gate do not count.

    Attributes
    ----------
    source
        "built-in", "hf:OWNER/NAME" on the Hugging Face hub, "timm", or the address of a page.
    build
        Of a plugin: the network, or what makes it of the user's file of weights (None where there
        is none).
    revision
        Commit of the weights on the hub, release of others, or of the built-in descriptors.
    architecture, options
        timm's name of the network and the arguments that differ from its defaults.
    pool
        How tokens become one vector: "cls", "cls+patch_mean:N" (tokens from N on), "cls+centre"
        (the mean over the middle half of the patch), "pooled", "contrast" (CONCH's learned query),
        or "own" for a network that gives the vector itself.
    width
        Features per patch, over all fields; 0 if only known once the model is built.
    fields
        Fields of view, as multiples of the patch width.
    gated
        Whether the hub asks for a request before it gives the weights.
    half
        Whether its authors compute in half precision on a GPU.
    """

    name: str
    source: str = field(compare=False)
    revision: str
    pool: str = "own"
    width: int
    architecture: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    input: Input = Input()
    licence: str = field(default="", compare=False)
    gated: bool = field(default=False, compare=False)
    fields: tuple[float, ...] = (1.0,)
    half: bool = False
    build: Build | None = field(default=None, compare=False, repr=False)

    @property
    def commercial(self) -> bool | None:
        """Whether the licence allows commercial use; None where none is stated."""
        return None if self.licence in _UNKNOWN else _COMMERCIAL.get(self.licence, False)

    @property
    def page(self) -> str:
        """Web page of the weights; "" if there is none."""
        if self.source.startswith("hf:"):
            return f"https://huggingface.co/{self.source.removeprefix('hf:')}"
        return self.source if self.source.startswith("https:") else ""

    def differences(self, other: Encoder) -> list[str]:
        """What changes the numbers, each as "field value instead of the other's"."""
        names = [part.name for part in fields(self) if part.compare]
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        return [f"{name} {a} instead of {b}" for name, (a, b) in pairs.items() if a != b]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values, without what builds it."""
        values = asdict(replace(self, build=None))
        del values["build"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Encoder:
        """From what `to_dict` gave, perhaps through JSON."""
        expected = values["input"]
        return cls(
            **{
                **values,
                "input": Input(
                    expected["size"],
                    tuple(expected["mean"]),
                    tuple(expected["std"]),
                    tuple(expected.get("resize", ())),
                ),
                "options": tuple((name, value) for name, value in values["options"]),
                "fields": tuple(values["fields"]),
            }
        )
