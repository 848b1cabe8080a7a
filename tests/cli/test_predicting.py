"""Slides become files of every format, whatever they are called, and a prediction its like."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_stem.checkpoints.checkpoint import save_checkpoint
from napari_stem.cli import app, main
from napari_stem.errors import CheckpointMismatch, OptionError, StorageError
from napari_stem.io import read_spots
from napari_stem.training.train import TrainResult

from .command import run


def test_a_section_is_predicted_into_every_format(
    trained: TrainResult, saved: list[Path], tmp_path: Path, kept: Path
):
    outputs = [tmp_path / f"p{suffix}" for suffix in (".h5ad", ".geojson", ".csv", ".html", ".png")]
    named = [part for path in outputs for part in ("-o", path)]
    run(
        "predict", saved[2], trained.path, *named, "--draws", 2, "--sampler-steps", 5,
        "--gene", "EPCAM", "--device", "cpu", "--cache", kept,
        "--statistic", "median", "--statistic", "above", "--threshold", 1.5,
    )  # fmt: skip
    prediction = read_spots(outputs[0])
    assert {"std", "q05", "q95", "median", "above"} <= set(prediction.layers)
    assert set(np.unique(prediction.layers["above"])) <= {0, 0.5, 1}  # shares of two draws
    assert prediction.uns["napari_stem"]["threshold"] == 1.5
    features = json.loads(outputs[1].read_text())["features"]
    assert {"EPCAM", "EPCAM SD", "OOD"} <= set(features[0]["properties"]["measurements"])
    assert "classification" in features[0]["properties"]
    assert outputs[2].read_text().startswith("id,x,y,ood,leiden,EPCAM")
    page = outputs[3].read_text()
    assert "research use only" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert outputs[4].read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_written_is_told_before_the_work(
    trained: TrainResult, saved: list[Path], tmp_path: Path
):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be written"):
        run("predict", saved[2], trained.path, "-o", tmp_path / "file" / "p.csv")
    with pytest.raises(StorageError, match="could not be written"):
        run("embed", saved[2], "-o", tmp_path / "file" / "e.h5ad")
    assert not (tmp_path / "cache").exists()


def test_one_output_that_fails_stops_no_other(
    trained: TrainResult, saved: list[Path], tmp_path: Path, kept: Path
):
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "a.csv" / "mine").touch()
    (tmp_path / "c.h5ad").mkdir()
    arguments = [
        "predict", saved[2], trained.path, "-o", tmp_path / "a.csv", "-o", tmp_path / "c.h5ad",
        "-o", tmp_path / "B.GEOJSON", "--draws", 2, "--sampler-steps", 2, "--device", "cpu",
        "--cache", kept,
    ]  # fmt: skip
    told = CliRunner().invoke(app, list(map(str, arguments)))
    assert isinstance(told.exception, StorageError)
    assert "a.csv" in str(told.exception)
    assert "c.h5ad" in told.stderr
    assert json.loads((tmp_path / "B.GEOJSON").read_text())["features"]


def test_few_spots_need_no_clusters_and_names_with_brackets_are_printed_whole(
    trained: TrainResult, saved: list[Path], tmp_path: Path
):
    folder = tmp_path / "a [bold] b [x]"
    folder.mkdir()
    shutil.copy(saved[2] / "slide.tif", folder / "s.tif")
    (folder / "s.csv").write_text("x,y\n300,300\n500,300\n")
    output = run(
        "predict", folder / "s.tif", trained.path, "--spots", folder / "s.csv",
        "-o", folder / "[red]p.csv", "--draws", 2, "--sampler-steps", 2, "--device", "cpu",
    )  # fmt: skip
    assert f"{folder / '[red]p.csv'}" in output.replace("\n", "")
    assert (folder / "[red]p.csv").read_text().startswith("id,x,y,ood,EPCAM")


def test_names_that_are_not_utf8_do_not_fail_the_exports(
    trained: TrainResult, saved: list[Path], tmp_path: Path, monkeypatch, capfd
):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    shutil.copy(saved[2] / "slide.tif", folder / "s.tif")
    (folder / "s.csv").write_text("x,y\n300,300\n500,300\n")
    outputs = [folder / f"p.{suffix}" for suffix in ("h5ad", "csv", "geojson", "html")]
    arguments = [
        "napari-stem", "predict", folder / "s.tif", trained.path, "--spots", folder / "s.csv",
        "--draws", 2, "--sampler-steps", 2, "--device", "cpu",
        *(part for path in outputs for part in ("-o", path)),
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", list(map(str, arguments)))
    with pytest.raises(SystemExit) as ended:
        main()
    told = capfd.readouterr()
    assert ended.value.code == 0, told.err
    assert all(path.exists() for path in outputs)
    assert "caf?" in told.out
    assert "caf?" in read_spots(outputs[0]).uns["napari_stem"]["slide_path"]


def test_a_prediction_is_repeated_from_its_own_record(
    trained: TrainResult, saved: list[Path], tmp_path: Path, kept: Path
):
    made, model = tmp_path / "p.h5ad", tmp_path / "model.safetensors"
    shutil.copy(trained.path, model)
    run(
        "predict", saved[2], model, "-o", made, "--draws", 3, "--sampler-steps", 4, "--seed", 7,
        "--device", "cpu", "--cache", kept, "--statistic", "above", "--threshold", 0.5,
    )  # fmt: skip
    repeat = ("rerun", made, "--device", "cpu")
    assert "The same in every value." in run(*repeat)

    prediction = read_spots(made)
    prediction.layers["above"][3, 2] += 0.25
    prediction.write_h5ad(made)
    spot, gene = prediction.obs_names[3], prediction.var_names[2]
    row = next(line for line in run(*repeat).splitlines() if line.strip().startswith("above"))
    assert row.split()[-3:] == ["0.25", spot, gene]
    assert row.split()[1] == f"{1 / prediction.X.size:.2%}"
    prediction.X += 0.01
    prediction.write_h5ad(made)
    assert CliRunner().invoke(app, [*map(str, repeat)]).exit_code == 1

    model.unlink()
    with pytest.raises(OptionError, match=r"checkpoint of the prediction was not found.*model"):
        run(*repeat)
    readout = trained.checkpoint.readout
    moved = replace(readout, **{name: 2 * x for name, x in readout.tensors().items()})
    save_checkpoint(replace(trained.checkpoint, readout=moved), model)
    with pytest.raises(CheckpointMismatch, match="another checkpoint"):
        run(*repeat)
