"""The encoders there are, as data: where each comes from, what it gives, who may use it.

Sources of the figures: the model cards on the Hugging Face hub, and for CONCH its published code;
of the commits: what published pipelines pin.
"""

from __future__ import annotations

from collections.abc import Mapping

from napari_stem.errors import EncoderError
from napari_stem.features.encoders.entry import Encoder, Input, Triple

__all__ = ["ENCODERS", "MORPHOLOGY_FIELDS", "Encoder", "Input", "find_encoder"]

_CLIP: tuple[Triple, Triple] = (
    (0.48145466, 0.4578275, 0.40821073),
    (0.26862954, 0.26130258, 0.27577711),
)
_HOPTIMUS: tuple[Triple, Triple] = ((0.707223, 0.578729, 0.703617), (0.211883, 0.230117, 0.177517))
_NON_COMMERCIAL = "CC-BY-NC-ND-4.0"

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
        "b55a5ec6cade1a39edfe6534189a9b8ca7a022f0",
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
        "d517a8dd47902dd7c308b3c36f63bce47e7b9a43",
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
        "conch",
        "hf:MahmoodLab/conch",
        "f9ca9f877171a28ade80228fb195ac5d79003357",
        "contrast",
        512,
        "vit_base_patch16_224",
        (("img_size", 448),),
        # The published Stem code brings patches to 256 before CONCH's own transform.
        Input(448, *_CLIP, resize=(256, 448)),
        licence=_NON_COMMERCIAL,
        gated=True,
    ),
    Encoder(
        "virchow",
        "hf:paige-ai/Virchow",
        "19eebc84ae33e79f1b2d866e6ff90ae50e522f9a",
        "cls+patch_mean:1",
        2560,
        "vit_huge_patch14_224",
        (("mlp_ratio", 5.3375), ("init_values", 1e-5), *_SWIGLU),
        licence="Apache-2.0",
        gated=True,
        half=True,
    ),
    Encoder(
        "virchow2",
        "hf:paige-ai/Virchow2",
        "3158645804b69e3f3bc4439d4116edddf0840a72",
        "cls+patch_mean:5",
        2560,
        "vit_huge_patch14_224",
        (("mlp_ratio", 5.3375), ("init_values", 1e-5), ("reg_tokens", 4), *_SWIGLU),
        licence=_NON_COMMERCIAL,
        gated=True,
        half=True,
    ),
    Encoder(
        "h-optimus-0",
        "hf:bioptimus/H-optimus-0",
        "b145cc1e6c6b30d3251aa8b1f844e6974188a743",
        "cls",
        1536,
        "vit_giant_patch14_reg4_dinov2",
        (("img_size", 224), ("init_values", 1e-5), ("dynamic_img_size", False)),
        Input(224, *_HOPTIMUS),
        licence="Apache-2.0",
        half=True,
    ),
    Encoder(
        "h-optimus-1",
        "hf:bioptimus/H-optimus-1",
        "3592cb220dec7a150c5d7813fb56e68bd57473b9",
        "cls",
        1536,
        "vit_giant_patch14_reg4_dinov2",
        (("img_size", 224), ("init_values", 1e-5), ("dynamic_img_size", False)),
        Input(224, *_HOPTIMUS),
        licence=_NON_COMMERCIAL,
        gated=True,
        half=True,
    ),
    Encoder(
        "h0-mini",
        "hf:bioptimus/H0-mini",
        "5b5cc0505d19ae558270045eb0df8c34df4d9609",
        "cls",
        768,
        "vit_base_patch14_reg4_dinov2",
        # 85.7 M parameters: DINOv2's SwiGLU of 2,048, packed as 4,096 = 5.33334 times the width.
        (("img_size", 224), ("init_values", 1e-5), ("mlp_ratio", 5.33334), *_SWIGLU),
        Input(224, *_HOPTIMUS),
        licence=_NON_COMMERCIAL,
        gated=True,
        half=True,
    ),
    Encoder(
        "gigapath",
        "hf:prov-gigapath/prov-gigapath",
        "64f9e26c15019f2d4f6d9113c6822f88bb16b01b",
        "cls",
        1536,
        "vit_giant_patch14_dinov2",
        (("img_size", 224), ("patch_size", 16), ("mlp_ratio", 5.33334)),
        Input(224, resize=(256,)),
        licence="Apache-2.0, research only",
        gated=True,
        half=True,
    ),
    Encoder(
        "phikon-v2",
        "hf:owkin/phikon-v2",
        "2ae989a9c40cffaa27f0a6cb29cc94d1d6f9a5fd",
        "cls",
        1024,
        "vit_large_patch16_224",
        (("init_values", 1.0),),
        licence="Owkin non-commercial",
    ),
    Encoder(
        "resnet18",
        "https://github.com/ozanciga/self-supervised-histopathology",
        "nativetenpercent",
        "pooled",
        512,
        "resnet18",
        licence="none stated",
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
