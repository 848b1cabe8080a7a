"""A recipe survives its JSON and says what is wrong with a foreign one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.errors import (
    CheckpointMismatch,
    CheckpointUnreadable,
    OptionError,
    PanelError,
    WrongType,
)
from napari_stem.features.patches import PAPER
from napari_stem.features.stains import USUAL


@pytest.mark.parametrize("preset", ["paper", "large", "small"])
def test_a_recipe_comes_back_from_its_json(preset):
    recipe = make_recipe(
        preset, ["A", "B"], encoders=["uni", "morphology"], geometry=PAPER, fit={"seed": 3}
    )
    assert Recipe.from_json(recipe.to_json(), "here") == recipe


def test_the_paper_preset_is_the_papers():
    recipe = make_recipe("paper", ["A"])
    network, fit = recipe.network, recipe.fit
    assert (network.width, network.depth, network.heads, network.genes_per_token) == (384, 12, 6, 1)
    assert (fit.steps, fit.batch_size, fit.learning_rate, fit.ema) == (250_000, 256, 1e-4, 0.9999)
    assert (recipe.diffusion.prediction, recipe.factors, fit.augmented) == ("eps", None, 4)


def test_the_large_preset_is_the_small_one_with_a_network_of_the_papers_size():
    large, small, paper = (make_recipe(name, ["A"]) for name in ("large", "small", "paper"))
    assert replace(large, network=small.network, fit=small.fit) == small
    assert replace(large.network, dropout=0.0) == paper.network


def test_a_recipe_of_stains_is_newer_than_one_of_colours_as_scanned():
    alike, as_scanned = make_recipe("small", ["A"]), make_recipe("small", ["A"], stain="as_scanned")
    assert (alike.stains, as_scanned.stains) == (USUAL, None)
    assert make_recipe("paper", ["A"]).stains is None
    assert make_recipe("paper", ["A"], stain="macenko").stains == USUAL
    for recipe, schema in ((alike, 4), (as_scanned, 2)):
        values = json.loads(recipe.to_json())
        assert values["schema"] == schema
        assert Recipe.from_json(json.dumps(values), "here") == recipe
    with pytest.raises(OptionError, match="stain 'reinhard' is unknown; choose auto or macenko"):
        make_recipe("small", ["A"], stain="reinhard")  # type: ignore[arg-type]


def test_a_recipe_with_newer_choices_says_so_and_others_do_not():
    usual = make_recipe("small", ["A"])
    hot = replace(usual, diffusion=replace(usual.diffusion, temperature=1.2))
    wide = make_recipe("small", ["A"], surroundings=300)
    for newer, name in ((hot, "temperature"), (wide, "surroundings")):
        assert json.loads(newer.to_json())["schema"] == 5
        assert name not in usual.to_json()  # so that older versions can draw with it
        assert Recipe.from_json(newer.to_json(), "here").to_json() == newer.to_json()
    assert wide.embedding_width == wide.network.condition_width == 2 * usual.embedding_width
    for radius in (0.0, -3.0, float("nan"), 1e9):
        with pytest.raises(OptionError, match=r"surroundings is .* it must be positive"):
            make_recipe("small", ["A"], surroundings=radius)


def test_a_newer_schema_is_refused_with_advice():
    values = json.loads(make_recipe("small", ["A"]).to_json()) | {"schema": 99}
    with pytest.raises(CheckpointMismatch, match=r"schema 99; .*Update napari-stem.*here"):
        Recipe.from_json(json.dumps(values), "here")


@pytest.mark.parametrize("missing", ["panel", "network", "encoders", "fit", "geometry"])
def test_an_incomplete_recipe_is_refused(missing):
    values = json.loads(make_recipe("small", ["A"]).to_json())
    del values[missing]
    with pytest.raises(CheckpointUnreadable, match=r"The recipe is not valid.*here"):
        Recipe.from_json(json.dumps(values), "here")
    with pytest.raises(CheckpointUnreadable):
        Recipe.from_json("no json", "here")


def test_a_recipe_trained_for_a_time_is_read():
    recipe = make_recipe("small", ["A"], fit={"steps": 10**9, "minutes": 0.5, "seed": 2**32 - 1})
    assert Recipe.from_json(recipe.to_json(), "here") == recipe


def test_names_stand_for_encoders_and_geometries():
    recipe = make_recipe("small", ["A"], encoders="uni", geometry="paper")
    assert recipe == make_recipe("small", ["A"], encoders=["uni"], geometry=PAPER)


def test_impossible_choices_are_refused():
    with pytest.raises(WrongType, match="geometry must be"):
        make_recipe("small", ["A"], geometry="square")
    with pytest.raises(WrongType, match="panel must be names of genes"):
        make_recipe("small", "EPCAM")
    with pytest.raises(OptionError, match="transform 'raw' is unknown; choose log2 or"):
        make_recipe("small", ["A"], transform="raw")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="steps is 0; it must be a whole number between 1 and"):
        make_recipe("small", ["A"], fit={"steps": 0})
    with pytest.raises(OptionError, match="preset 'huge' is unknown"):
        make_recipe("huge", ["A"])  # type: ignore[arg-type]
    with pytest.raises(PanelError, match="panel is empty"):
        make_recipe("small", [])
    with pytest.raises(OptionError, match="Unknown training settings: stepz"):
        make_recipe("small", ["A"], fit={"stepz": 1})
