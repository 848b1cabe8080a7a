"""Cross-validation: leave each section, or each patient, out once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from napari_stem.checkpoints.recipe import Recipe
from napari_stem.errors import OptionError
from napari_stem.training.train import iter_train

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.evaluation.evaluate import Evaluation
    from napari_stem.events import Events
    from napari_stem.features.compute import Compute
    from napari_stem.prediction.options import PredictOptions
    from napari_stem.sections.section import Section

# Of the spot tables of training and of held-out sections; the latter's counts must choose nothing.
RecipeMaker: TypeAlias = "Callable[[list[AnnData], list[AnnData]], Recipe]"


def iter_cross_validate(
    sections: Sequence[Section],
    recipe: RecipeMaker,
    options: PredictOptions,
    compute: Compute,
    *,
    patients: Sequence[str] = (),
) -> Events[tuple[Evaluation, ...]]:
    """Train on all but one section or patient, evaluate on what was left out, and so on.

    Parameters
    ----------
    recipe
        Makes the recipe of each fold.
    patients
        One name a section; the sections of a patient are left out together. Without them, each
        section is left out by itself.

    Returns
    -------
    An evaluation of each section, in their order.

    Raises
    ------
    OptionError
        Nothing would be left to train on, or the patients are not as many as the sections.
    StemError
        A section or a recipe cannot be used.
    """
    folds = _folds(len(sections), patients)
    found: dict[int, Evaluation] = {}
    for left in folds:
        tested = [sections[i] for i in left]
        known = [section for i, section in enumerate(sections) if i not in left]
        chosen = recipe([section.spots for section in known], [each.spots for each in tested])
        with tempfile.TemporaryDirectory(prefix="napari-stem-") as folder:
            result = yield from iter_train(
                known, chosen, Path(folder), held_out=tested, options=options, compute=compute
            )
        found.update(zip(left, result.evaluations, strict=True))
    return tuple(found[i] for i in range(len(sections)))


def _folds(n_sections: int, patients: Sequence[str]) -> list[list[int]]:
    """The sections that each fold leaves out."""
    if patients and len(patients) != n_sections:
        raise OptionError(
            f"{len(patients)} patients are named for {n_sections} sections. Name the patient of "
            "each section."
        )
    groups: dict[object, list[int]] = {}
    for i in range(n_sections):
        groups.setdefault(patients[i] if patients else i, []).append(i)
    if len(groups) < 2:
        what = "patients" if patients else "sections"
        raise OptionError(f"Cross-validation needs at least two {what}; got {len(groups)}.")
    return list(groups.values())
