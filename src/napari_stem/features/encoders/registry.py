"""The known encoders, as data: source, features, licence.

Sources: the model cards on the Hugging Face hub, and for CONCH its published code;
of the commits: what published pipelines pin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from napari_stem.errors import EncoderError
from napari_stem.features.encoders.entry import CENTRE, Encoder, Input, Triple
from napari_stem.features.encoders.plugins import plugin_encoders

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
        name="morphology",
        source="built-in",
        revision="2",
        pool="pooled",
        width=121 * len(MORPHOLOGY_FIELDS),
        licence="BSD-3-Clause",
        fields=MORPHOLOGY_FIELDS,
    ),
    Encoder(
        name="uni",
        source="hf:MahmoodLab/uni",
        revision="b55a5ec6cade1a39edfe6534189a9b8ca7a022f0",
        pool="cls",
        width=1024,
        architecture="vit_large_patch16_224",
        options=(("init_values", 1e-5), ("dynamic_img_size", True)),
        licence=_NON_COMMERCIAL,
        gated=True,
    ),
    Encoder(
        name="uni2-h",
        source="hf:MahmoodLab/UNI2-h",
        revision="d517a8dd47902dd7c308b3c36f63bce47e7b9a43",
        pool="cls",
        width=1536,
        architecture="vit_giant_patch14_224",
        options=(
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
        name="conch",
        source="hf:MahmoodLab/conch",
        revision="f9ca9f877171a28ade80228fb195ac5d79003357",
        pool="contrast",
        width=512,
        architecture="vit_base_patch16_224",
        options=(("img_size", 448),),
        # The published Stem code brings patches to 256 before CONCH's own transform.
        input=Input(448, *_CLIP, resize=(256, 448)),
        licence=_NON_COMMERCIAL,
        gated=True,
    ),
    Encoder(
        name="virchow",
        source="hf:paige-ai/Virchow",
        revision="19eebc84ae33e79f1b2d866e6ff90ae50e522f9a",
        pool="cls+patch_mean:1",
        width=2560,
        architecture="vit_huge_patch14_224",
        options=(("mlp_ratio", 5.3375), ("init_values", 1e-5), *_SWIGLU),
        licence="Apache-2.0",
        gated=True,
        half=True,
    ),
    Encoder(
        name="virchow2",
        source="hf:paige-ai/Virchow2",
        revision="3158645804b69e3f3bc4439d4116edddf0840a72",
        pool="cls+patch_mean:5",
        width=2560,
        architecture="vit_huge_patch14_224",
        options=(("mlp_ratio", 5.3375), ("init_values", 1e-5), ("reg_tokens", 4), *_SWIGLU),
        licence=_NON_COMMERCIAL,
        gated=True,
        half=True,
    ),
    Encoder(
        name="h-optimus-0",
        source="hf:bioptimus/H-optimus-0",
        revision="b145cc1e6c6b30d3251aa8b1f844e6974188a743",
        pool="cls",
        width=1536,
        architecture="vit_giant_patch14_reg4_dinov2",
        options=(("img_size", 224), ("init_values", 1e-5), ("dynamic_img_size", False)),
        input=Input(224, *_HOPTIMUS),
        licence="Apache-2.0",
        half=True,
    ),
    Encoder(
        name="h-optimus-1",
        source="hf:bioptimus/H-optimus-1",
        revision="3592cb220dec7a150c5d7813fb56e68bd57473b9",
        pool="cls",
        width=1536,
        architecture="vit_giant_patch14_reg4_dinov2",
        options=(("img_size", 224), ("init_values", 1e-5), ("dynamic_img_size", False)),
        input=Input(224, *_HOPTIMUS),
        licence=_NON_COMMERCIAL,
        gated=True,
        half=True,
    ),
    Encoder(
        name="h0-mini",
        source="hf:bioptimus/H0-mini",
        revision="5b5cc0505d19ae558270045eb0df8c34df4d9609",
        pool="cls",
        width=768,
        architecture="vit_base_patch14_reg4_dinov2",
        # 85.7 M parameters: DINOv2's SwiGLU of 2,048, packed as 4,096 = 5.33334 times the width.
        options=(("img_size", 224), ("init_values", 1e-5), ("mlp_ratio", 5.33334), *_SWIGLU),
        input=Input(224, *_HOPTIMUS),
        licence=_NON_COMMERCIAL,
        gated=True,
        half=True,
    ),
    Encoder(
        name="gigapath",
        source="hf:prov-gigapath/prov-gigapath",
        revision="64f9e26c15019f2d4f6d9113c6822f88bb16b01b",
        pool="cls",
        width=1536,
        architecture="vit_giant_patch14_dinov2",
        options=(("img_size", 224), ("patch_size", 16), ("mlp_ratio", 5.33334)),
        input=Input(224, resize=(256,)),
        licence="Apache-2.0, research only",
        gated=True,
        half=True,
    ),
    Encoder(
        name="phikon-v2",
        source="hf:owkin/phikon-v2",
        revision="2ae989a9c40cffaa27f0a6cb29cc94d1d6f9a5fd",
        pool="cls",
        width=1024,
        architecture="vit_large_patch16_224",
        options=(("init_values", 1.0),),
        licence="Owkin non-commercial",
    ),
    Encoder(
        name="resnet18",
        source="https://github.com/ozanciga/self-supervised-histopathology",
        revision="nativetenpercent",
        pool="pooled",
        width=512,
        architecture="resnet18",
        licence="none stated",
    ),
)
ENCODERS: Mapping[str, Encoder] = {entry.name: entry for entry in _ENTRIES}


@cache
def encoders() -> Mapping[str, Encoder]:
    """The built-in encoders and those of installed plugins, by name."""
    return {**ENCODERS, **plugin_encoders(ENCODERS)}


def find_encoder(name: str) -> Encoder:
    """The entry of that name; "timm:NAME" is any model of timm with its pooled features.

    "NAME:cls+centre" is a transformer with another pooling (`Encoder.pool`).

    Raises
    ------
    EncoderError
        The name is unknown, and the message lists the known ones; or it has no such pooling.
    """
    if name.endswith(f":{CENTRE}"):
        return _with_centre(find_encoder(name.removesuffix(f":{CENTRE}")))
    if name.startswith("timm:") and len(name) > 5:
        return Encoder(
            name=name,
            source="timm",
            revision="local",
            pool="pooled",
            width=0,
            architecture=name.removeprefix("timm:"),
            licence="see the weights",
        )
    if name not in encoders():
        raise EncoderError(
            f"Encoder '{name}' is unknown. Choose {', '.join(encoders())}, or timm:NAME."
        )
    return encoders()[name]


def _with_centre(entry: Encoder) -> Encoder:
    """The entry with the class token beside the mean over the middle of the patch."""
    if entry.source != "timm" and not entry.pool.startswith("cls"):
        raise EncoderError(
            f"Encoder '{entry.name}' has no pooling {CENTRE}: it makes no class token. Choose it "
            "without that."
        )
    width = entry.width if "+" in entry.pool else 2 * entry.width  # "+": two vectors already
    return replace(entry, name=f"{entry.name}:{CENTRE}", pool=CENTRE, width=width)
