"""Where an encoder's weights are: on this machine, or on the Hugging Face hub.

What the hub's cache holds is used as it is, without asking the network. The hub's own client
keeps the user's token; this package never sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
)

from napari_stem.errors import CheckpointMismatch, EncoderError, Hint, Remedy
from napari_stem.features.encoders.entry import Encoder
from napari_stem.storage import content_of

NAMES = ("model.safetensors", "pytorch_model.bin")
_DIGESTS = ("sha256", "content")
_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".ckpt")


def local_weights(encoder: Encoder) -> Path | None:
    """The encoder's weights in the hub's cache, if they are there; asks no network."""
    if not encoder.source.startswith("hf:"):
        return None
    for name in NAMES:
        found = try_to_load_from_cache(
            _repository(encoder), name, cache_dir=constants.HF_HUB_CACHE, revision=encoder.revision
        )
        if isinstance(found, str):
            return Path(found)
    return None


def fetch_weights(encoder: Encoder) -> Path:
    """The encoder's weights, downloaded into the hub's cache where they are not there yet.

    Raises
    ------
    EncoderError
        They cannot be had; the message says step by step what to do.
    """
    if (found := local_weights(encoder)) is not None:
        return found
    if not encoder.source.startswith("hf:"):
        where = (
            f" Download it from {encoder.page} (release {encoder.revision})."
            if encoder.page
            else ""
        )
        raise EncoderError(
            f"Encoder {encoder.name} needs a local weights file.{where}", hint=_weights(encoder)
        )
    for name in NAMES:
        try:
            return Path(
                hf_hub_download(
                    _repository(encoder),
                    name,
                    revision=encoder.revision,
                    cache_dir=constants.HF_HUB_CACHE,
                )
            )
        except RemoteEntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise EncoderError(_how_to_get(encoder, error), hint=_weights(encoder)) from error
    raise EncoderError(
        f"{encoder.page} has no weights file in a supported format ({', '.join(NAMES)}). Get one "
        "elsewhere and choose it.",
        hint=_weights(encoder),
    )


def weights_file(encoder: Encoder, path: Path) -> Path:
    """The file that a user's file or folder of weights means.

    Raises
    ------
    EncoderError
        A folder has no weights, or several.
    """
    if not path.is_dir():
        return path
    known = [path / name for name in NAMES if (path / name).is_file()]
    files = known[:1] or sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
    if len(files) == 1:
        return files[0]
    found = f"{', '.join(file.name for file in files)}" if files else "none"
    raise EncoderError(
        f"The weights folder of encoder {encoder.name} must contain one weights file "
        f"({', '.join(NAMES)}); found: {found}. Choose the file itself. Folder: '{path}'.",
        hint=_weights(encoder),
    )


def check_weights(weights: Mapping[str, Path], encoders: Iterable[Encoder]) -> None:
    """Refuse weights that no encoder would use, or that are not there.

    Raises
    ------
    EncoderError
        The message names the encoders that take weights.
    """
    usable = [encoder.name for encoder in encoders if encoder.source != "built-in"]
    for name, path in weights.items():
        if name not in usable:
            known = f"Weights are needed for {', '.join(usable)}" if usable else "None is needed"
            raise EncoderError(
                f"Weights were given for encoder '{name}', which is not used. {known}."
            )
        if not path.exists():
            raise EncoderError(f"The weights of encoder {name} do not exist. Path: '{path}'.")


def availability(encoder: Encoder) -> str:
    """Where its weights are, in a word or two; asks no network."""
    if encoder.source == "built-in":
        return "built in"
    if encoder.build is not None:
        return "plugin"
    if local_weights(encoder) is not None:
        return "here"
    return "download" if encoder.source.startswith("hf:") else "your file"


def stamp_of(weights: Path) -> dict[str, str]:
    """The hub's commit and checksum of a file of its cache; the content of other files."""
    if weights.parent.parent.name != "snapshots":
        return {"content": content_of(weights)}
    blob = weights.resolve()
    checksum = {"sha256": blob.name} if blob.parent.name == "blobs" else {}
    return {"commit": weights.parent.name, **checksum, "content": content_of(weights)}


def stamps(
    encoders: Iterable[Encoder], weights: Mapping[str, Path] | None = None
) -> dict[str, dict[str, str]]:
    """By encoder, the stamp of the weights that it would use, as far as they are files here."""
    found = {}
    for encoder in encoders:
        given = (weights or {}).get(encoder.name)
        file = local_weights(encoder) if given is None else weights_file(encoder, given)
        if file is not None and file.is_file():
            found[encoder.name] = stamp_of(file)
    return found


def check_stamps(
    trained: Mapping[str, Mapping[str, str]],
    encoders: Iterable[Encoder],
    weights: Mapping[str, Path] | None = None,
) -> None:
    """Refuse weights that differ from those that a checkpoint was trained with.

    Parameters
    ----------
    trained
        What `stamps` gave when it was trained.

    Raises
    ------
    CheckpointMismatch
        A checksum or the content of an encoder's weights is known and differs.
    """
    for encoder in encoders:
        there = trained.get(encoder.name, {})
        here = stamps([encoder], weights).get(encoder.name, {}) if there else {}
        if any(there[kind] != here[kind] for kind in _DIGESTS if kind in there and kind in here):
            raise CheckpointMismatch(
                f"The checkpoint was trained with other weights of encoder {encoder.name} "
                f"({_told(there)}) than these ({_told(here)}). {_how_to_return(encoder, there)}",
                hint=_weights(encoder),
            )


def _told(stamp: Mapping[str, str]) -> str:
    known = "commit" if "commit" in stamp else "content"
    return f"{known} {stamp.get(known, 'unknown')[:12]}"


def _how_to_return(encoder: Encoder, stamp: Mapping[str, str]) -> str:
    if "commit" not in stamp:
        return "Choose the file that it was trained with."
    return (
        f"Run `hf download {_repository(encoder)} --revision {stamp['commit']}` and choose the "
        "downloaded folder."
    )


def _how_to_get(encoder: Encoder, error: Exception) -> str:
    ways = []
    if encoder.gated or isinstance(error, GatedRepoError):
        ways.append(
            f"request access at {encoder.page}, wait for approval, run `hf auth login` "
            "once on this machine, and try again (napari-stem never sees the token)"
        )
    why = f"could not be downloaded from {encoder.page} ({type(error).__name__})"
    if constants.HF_HUB_OFFLINE:
        why += ", because HF_HUB_OFFLINE is set"
        ways.append("unset HF_HUB_OFFLINE and connect to the internet")
    ways.append("copy a weights file or folder to this machine and choose it")
    return (
        f"The weights of encoder {encoder.name} are not on this machine and {why}. What to "
        f"do: {'; or '.join(ways)}."
    )


def _repository(encoder: Encoder) -> str:
    return encoder.source.removeprefix("hf:")


def _weights(encoder: Encoder) -> Hint:
    return Hint(Remedy.WEIGHTS, encoder.name)
