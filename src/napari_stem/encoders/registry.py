"""The encoders there are, as data: where each comes from, what it gives, who may use it.

Sources of the figures: the model cards on the Hugging Face hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from napari_stem.errors import EncoderError

Triple = tuple[float, float, float]
_IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HOPTIMUS: tuple[Triple, Triple] = ((0.707223, 0.578729, 0.703617), (0.211883, 0.230117, 0.177517))
_NON_COMMERCIAL = "CC-BY-NC-ND-4.0"


@dataclass(frozen=True, slots=True)
class Input:
    """What an encoder expects to see: `size` pixels a side, values (x / 255 - mean) / std."""

    size: int = 224
    mean: Triple = _IMAGENET[0]
    std: Triple = _IMAGENET[1]


@dataclass(frozen=True, slots=True)
class Encoder:
    """One entry of the registry; checkpoints repeat it whole.

    Attributes
    ----------
    source
        "built-in", "hf:OWNER/NAME" on the Hugging Face hub, or "timm".
    revision
        Of the weights, or of the built-in descriptors.
    architecture, options
        timm's name of the network and the arguments that differ from its defaults.
    pool
        How tokens become one vector: "cls", "cls+patch_mean:N" (tokens from N on), "pooled".
    width
        Numbers a patch, over all fields; 0 where only the built model tells.
    fields
        Widths that it looks at, as multiples of the patch's.
    gated
        Whether the hub asks for a request before it gives the weights.
    """

    name: str
    source: str
    revision: str
    pool: str
    width: int
    architecture: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    input: Input = Input()
    licence: str = ""
    gated: bool = False
    fields: tuple[float, ...] = (1.0,)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Encoder:
        """From what `to_dict` gave, perhaps through JSON."""
        expected = values["input"]
        return cls(
            **{
                **values,
                "input": Input(expected["size"], tuple(expected["mean"]), tuple(expected["std"])),
                "options": tuple((name, value) for name, value in values["options"]),
                "fields": tuple(values["fields"]),
            }
        )


MORPHOLOGY_FIELDS = (1.0, 2.5)
_SWIGLU = (("mlp_layer", "SwiGLUPacked"), ("act_layer", "SiLU"))
_ENTRIES = (
    Encoder(
        "morphology",
        "built-in",
        "2",
        "pooled",
        121 * len(MORPHOLOGY_FIELDS),
        licence="BSD-3-Clause",
        fields=MORPHOLOGY_FIELDS,
    ),
    Encoder(
        "uni",
        "hf:MahmoodLab/uni",
        "main",
        "cls",
        1024,
        "vit_large_patch16_224",
        (("init_values", 1e-5), ("dynamic_img_size", True)),
        licence=_NON_COMMERCIAL,
        gated=True,
    ),
    Encoder(
        "uni2-h",
        "hf:MahmoodLab/UNI2-h",
        "main",
        "cls",
        1536,
        "vit_giant_patch14_224",
        (
            ("depth", 24),
            ("num_heads", 24),
            ("embed_dim", 1536),
            ("mlp_ratio", 2.66667 * 2),
            ("reg_tokens", 8),
            ("no_embed_class", True),
            ("init_values", 1e-5),
            ("dynamic_img_size", True),
            *_SWIGLU,
        ),
        licence=_NON_COMMERCIAL,
        gated=True,
    ),
    Encoder(
        "virchow",
        "hf:paige-ai/Virchow",
        "main",
        "cls+patch_mean:1",
        2560,
        "vit_huge_patch14_224",
        (("mlp_ratio", 5.3375), ("init_values", 1e-5), *_SWIGLU),
        licence="Apache-2.0",
        gated=True,
    ),
    Encoder(
        "virchow2",
        "hf:paige-ai/Virchow2",
        "main",
        "cls+patch_mean:5",
        2560,
        "vit_huge_patch14_224",
        (("mlp_ratio", 5.3375), ("init_values", 1e-5), ("reg_tokens", 4), *_SWIGLU),
        licence=_NON_COMMERCIAL,
        gated=True,
    ),
    Encoder(
        "h-optimus-0",
        "hf:bioptimus/H-optimus-0",
        "main",
        "cls",
        1536,
        "vit_giant_patch14_reg4_dinov2",
        (("img_size", 224), ("init_values", 1e-5), ("dynamic_img_size", False)),
        Input(224, *_HOPTIMUS),
        licence="Apache-2.0",
    ),
    Encoder(
        "h-optimus-1",
        "hf:bioptimus/H-optimus-1",
        "main",
        "cls",
        1536,
        "vit_giant_patch14_reg4_dinov2",
        (("img_size", 224), ("init_values", 1e-5), ("dynamic_img_size", False)),
        Input(224, *_HOPTIMUS),
        licence=_NON_COMMERCIAL,
        gated=True,
    ),
)
ENCODERS: Mapping[str, Encoder] = {entry.name: entry for entry in _ENTRIES}


def find_encoder(name: str) -> Encoder:
    """The entry of that name; "timm:NAME" is any model of timm with its pooled features.

    Raises
    ------
    EncoderError
        There is none; the message lists those there are.
    """
    if name.startswith("timm:") and len(name) > 5:
        return Encoder(
            name,
            "timm",
            "local",
            "pooled",
            0,
            name.removeprefix("timm:"),
            licence="see the weights",
        )
    if name not in ENCODERS:
        raise EncoderError(
            f"there is no encoder '{name}'. Choose one of {', '.join(ENCODERS)}, or timm:NAME."
        )
    return ENCODERS[name]
