"""The recipe of a checkpoint: every choice that a prediction must repeat, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from napari_stem.checkpoints.presets import MODELS
from napari_stem.defaults import ENCODERS, WIDEST_SURROUNDINGS, CountTransform, Preset, Stain
from napari_stem.errors import (
    CheckpointMismatch,
    CheckpointUnreadable,
    OptionError,
    PanelError,
    WrongType,
)
from napari_stem.features.encoders.entry import Encoder
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.patches import PHYSICAL, PatchGeometry, as_geometry
from napari_stem.features.stains import USUAL, Stains
from napari_stem.features.surroundings import radius_px
from napari_stem.model.diffusion_config import DiffusionConfig
from napari_stem.model.fit_config import FitConfig, check_settings
from napari_stem.model.network import NetworkConfig
from napari_stem.text import a_few, counted, one_line
from napari_stem.validation import parse_json, validated

if TYPE_CHECKING:
    from napari_stem.slides.slide import Slide

SCHEMA, _OLDEST = 5, 2  # that are written; 1 knew no factors
_LATER: tuple[tuple[int, str, str, object], ...] = (
    # The first schema that knows a choice, where it is, and what it is in older ones.
    (3, "diffusion", "evaluations", None),
    (4, "", "stains", None),
    (5, "diffusion", "temperature", 1.0),
    (5, "", "surroundings", None),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The whole description of a model, without its weights.

    Attributes
    ----------
    panel
        Genes in the order of the network's outputs.
    transform
        How raw counts became training values.
    factors
        How many factors of expression the network draws, from which counts follow
        (`model.readout.Counts`); None where it draws the values of genes.
    geometry
        The tissue that a patch covers.
    encoders
        Their vectors are concatenated in this order.
    components
        Principal components kept as the condition; None keeps the standardised embedding.
    stains
        Densities of haematoxylin and eosin that patches get (`features.stains`); None leaves
        colours as scanned.
    surroundings
        Radius in micrometres, at least a patch's width, within which the slide's tiles are
        averaged, as a second vector of a spot (`features.surroundings`); None leaves it out.
    embedding_noise
        Standard deviation of noise that training adds to standardised embeddings (`Condition`).
    """

    panel: tuple[str, ...]
    transform: CountTransform
    geometry: PatchGeometry
    encoders: tuple[Encoder, ...]
    components: int | None
    embedding_noise: float
    network: NetworkConfig
    diffusion: DiffusionConfig
    fit: FitConfig
    factors: int | None = None
    stains: Stains | None = None
    surroundings: float | None = None

    def __post_init__(self) -> None:
        if self.surroundings is not None and not 0 < self.surroundings <= WIDEST_SURROUNDINGS:
            raise OptionError(
                f"surroundings is {self.surroundings:g} µm; it must be positive and at most "
                f"{WIDEST_SURROUNDINGS:,g}."
            )

    @property
    def embedding_width(self) -> int:
        """Features of a spot; 0 where an encoder tells its own only once it is built."""
        return _embedding_width(self.encoders, self.surroundings)

    def patch_widths(self, slide: Slide, spot_diameter_px: float) -> tuple[float, ...]:
        """Widths of what is seen of a slide around a spot, in level-0 pixels, smallest first.

        Raises
        ------
        MissingScale
            One of them is physical and the slide states no micrometres per pixel.
        """
        fields = {field for encoder in self.encoders for field in encoder.fields}
        widths = [self.geometry.widened(x).width_px(slide, spot_diameter_px) for x in fields]
        if self.surroundings is not None:
            around = radius_px(slide, self.geometry, spot_diameter_px, self.surroundings)
            widths.append(2 * around)
        return tuple(sorted(widths))

    def __repr__(self) -> str:
        encoders = "+".join(encoder.name for encoder in self.encoders)
        return f"<Recipe {counted(len(self.panel), 'gene')}, {self.transform}, {encoders}>"

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back unchanged."""
        values = asdict(replace(self, encoders=()))
        values["encoders"] = [encoder.to_dict() for encoder in self.encoders]
        values["schema"] = _OLDEST
        for schema, part, name, usual in _LATER:
            place = values[part] if part else values
            if place[name] == usual:  # older versions can draw with it
                del place[name]
            else:
                values["schema"] = schema
        return json.dumps(values, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, where: str) -> Recipe:
        """Read a recipe; `where` names its file in errors.

        Raises
        ------
        CheckpointUnreadable
            The text is no recipe.
        CheckpointMismatch
            The recipe was written by a newer version of this package.
        """
        try:
            values: dict[str, Any] = parse_json(text)
            schema = values["schema"]
        except (ValueError, TypeError, LookupError) as error:
            raise CheckpointUnreadable(
                f"The recipe could not be read: {one_line(error)}. File: {where}."
            ) from error
        if schema not in range(1, SCHEMA + 1):
            raise CheckpointMismatch(
                f"The recipe has schema {schema}; this version reads schemas up to {SCHEMA}. "
                f"Update napari-stem, or train the checkpoint again. File: {where}."
            )
        try:
            return cls(
                panel=validated(tuple[str, ...], values["panel"]),
                transform=validated(CountTransform, values["transform"]),
                geometry=validated(PatchGeometry, values["geometry"]),
                encoders=tuple(Encoder.from_dict(entry) for entry in values["encoders"]),
                components=validated(int | None, values["components"]),
                embedding_noise=validated(float, values["embedding_noise"]),
                network=validated(NetworkConfig, values["network"]),
                diffusion=validated(DiffusionConfig, values["diffusion"]),
                fit=validated(FitConfig, values["fit"]),
                factors=validated(int | None, values.get("factors")),
                stains=validated(Stains | None, values.get("stains")),
                surroundings=validated(float | None, values.get("surroundings")),
            )
        except (AttributeError, TypeError, LookupError, ValueError) as error:
            raise CheckpointUnreadable(
                f"The recipe is not valid: {one_line(error)}. Get the file again from its "
                f"source. File: {where}."
            ) from error


def make_recipe(
    preset: Preset,
    panel: Sequence[str],
    *,
    encoders: str | Sequence[str] = ENCODERS,
    transform: CountTransform = "log2",
    geometry: PatchGeometry | str = PHYSICAL,
    stain: Stain = "auto",
    surroundings: float | None = None,
    fit: Mapping[str, Any] | None = None,
) -> Recipe:
    """Choices of a preset, fitted to a panel and encoders.

    Parameters
    ----------
    preset
        "small": a network that trains within minutes on a CPU and resists the few hundred spots
        of a typical study. "large": the same model with a network of the paper's size, for
        thousands of spots and a GPU. "paper": network and training of the paper (appendix C), for
        a GPU. See `docs/method.md`.
    panel
        Genes to predict, by symbol.
    encoders
        Names of encoders, whose vectors are concatenated ("morphology" needs no download).
    transform
        Transform of raw counts: "log2", log2(count + 1), or "log1p_cp10k", log(counts per
        10,000 + 1).
    geometry
        The tissue that a patch covers: "physical", 112 µm across, or "paper", 224 level-0 pixels.
    stain
        "macenko" gives the patches of all slides the same stains, "as_scanned" leaves them as they
        are; "auto" does so with the preset "paper" alone.
    surroundings
        Radius in micrometres, such as 300, within which the patches that tile the slide tell of the
        tissue around a spot.
    fit
        Training settings that replace the preset's, by their names in `FitConfig`.

    Returns
    -------
    The whole description of a model, without its weights.

    Raises
    ------
    OptionError, EncoderError, PanelError
        A name is unknown, or the panel is empty or names a gene twice.

    Examples
    --------
    >>> stem.make_recipe("small", ["EPCAM", "CD3E"], fit={"steps": 400}).fit.steps
    400
    """
    for name, value, known in (
        ("preset", preset, get_args(Preset)),
        ("transform", transform, get_args(CountTransform)),
        ("stain", stain, get_args(Stain)),
    ):
        if value not in known:
            raise OptionError(f"{name} '{value}' is unknown; choose {' or '.join(known)}.")
    if isinstance(panel, str):
        raise WrongType.of("panel", panel, "names of genes")
    if not panel:
        raise PanelError("The panel is empty. Choose at least one gene.")
    if twice := [gene for gene, times in Counter(panel).items() if times > 1]:
        raise PanelError(f"The panel has {a_few(twice)} more than once. Name each gene once.")
    if any(not gene.strip() for gene in panel):
        raise PanelError("The panel has an empty name. Remove it.")
    check_settings(fit or {})
    names = [encoders] if isinstance(encoders, str) else encoders
    found = tuple(find_encoder(name) for name in names)
    width = max(1, _embedding_width(found, surroundings))
    model = MODELS[preset]
    factors = model.factors and min(model.factors, len(panel))
    return Recipe(
        panel=tuple(panel),
        transform=transform,
        geometry=as_geometry(geometry),
        encoders=found,
        components=model.components,
        embedding_noise=model.embedding_noise,
        network=NetworkConfig(factors or len(panel), width, **model.network),
        diffusion=DiffusionConfig(prediction=model.prediction),
        fit=replace(model.fit, **(fit or {})),
        factors=factors,
        stains=USUAL if stain == "macenko" or (stain == "auto" and model.normalised) else None,
        surroundings=None if surroundings is None else float(surroundings),
    )


def _embedding_width(encoders: Sequence[Encoder], surroundings: float | None) -> int:
    widths = [encoder.width for encoder in encoders]
    vectors = 1 if surroundings is None else 2
    return vectors * sum(widths) if all(widths) else 0
