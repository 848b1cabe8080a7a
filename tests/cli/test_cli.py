"""The command does the whole job, and says errors on one line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from napari_stem import __version__
from napari_stem.checkpoints.checkpoint import save_checkpoint
from napari_stem.cli import app, main
from napari_stem.errors import CheckpointMismatch, OptionError, StorageError
from napari_stem.evaluation.baselines import BASELINES
from napari_stem.evaluation.metrics import METRICS
from napari_stem.io import read_spots
from napari_stem.training.train import TrainResult


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


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


def test_few_spots_are_predicted_without_clusters(
    trained: TrainResult, saved: list[Path], tmp_path: Path
):
    spots, output = tmp_path / "few.csv", tmp_path / "p.csv"
    spots.write_text("x,y\n300,300\n500,300\n")
    options = ("--draws", 2, "--sampler-steps", 2, "--device", "cpu")
    run("predict", saved[2] / "slide.tif", trained.path, "--spots", spots, "-o", output, *options)
    assert output.read_text().startswith("id,x,y,ood,EPCAM")


def test_a_checkpoint_is_evaluated_beside_the_baselines(
    trained: TrainResult, saved: list[Path], tmp_path: Path, kept: Path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "100")
    output = run(
        "evaluate", trained.path, saved[2], "--train", saved[0], "--draws", 2, "--device", "cpu",
        "--cache", kept, "--report", tmp_path / "r.html", "--json", tmp_path / "m.json",
        "--csv", tmp_path / "m.csv",
    )  # fmt: skip
    table = output[output.index("Held-out section") :].splitlines()[:26]
    assert all(len(line) <= 100 for line in table)
    assert "\u2026" not in "".join(table)  # nothing is cut off
    for metric in METRICS.values():
        assert any(line.strip().startswith(metric.heading) for line in table), metric.heading
    assert re.search(r"Genes by trust: \d+ high, \d+ medium, \d+ low, \d+ none", output)
    assert "Compared with measured counts" in (tmp_path / "r.html").read_text()
    found = json.loads((tmp_path / "m.json").read_text())
    assert list(found["methods"]) == ["Stem", *BASELINES]
    for scores in found["methods"].values():
        assert list(scores) == [
            "pcc_10", "pcc_50", "pcc_all", "mae", "mse", "rvd", "fair_crps", "energy",
            "coverage_90", "gsc", "ssc",
        ]  # fmt: skip
        assert all(np.isfinite(value) for value in scores.values())
    assert set(found["genes"]) == set(trained.checkpoint.recipe.panel)
    genes = pd.DataFrame(found["genes"]).T
    for name, of_genes in {"pcc": "pcc_all", "mae": "mae", "fair_crps": "fair_crps"}.items():
        for method, column in {"Stem": name, "ridge": f"{name} ridge"}.items():
            mean = pd.to_numeric(genes[column]).mean()
            assert mean == pytest.approx(found["methods"][method][of_genes]), column
    assert pd.to_numeric(genes["ceiling"]).between(0, 1).all()
    shown = next(line for line in table if "PCC-all" in line)
    assert f" {found['ceilings']['pcc_all']:.3f} " in shown
    assert found["missing_genes"] == []
    rows = pd.read_csv(tmp_path / "m.csv")
    assert list(rows.columns[:5]) == ["section", "gene", "method", "detection_rate", "ceiling"]
    assert len(rows) == 8 * 7
    model = rows[rows["method"] == "Stem"]
    assert model["pcc"].mean() == pytest.approx(found["methods"]["Stem"]["pcc_all"], rel=1e-4)


def test_genes_are_estimated_without_training(saved: list[Path], tmp_path: Path, kept: Path):
    output = run(
        "estimate", *saved, "--cache", kept, "--csv", tmp_path / "genes.csv", "--device", "cpu",
        "--genes", 10,
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "genes.csv")
    assert list(table) == ["gene", "pcc", "ceiling", "detection_rate", "trust"]
    named = re.findall(r"(high|medium|low|none): (\d+) gene", output)
    assert {name: int(number) for name, number in named} == dict(table["trust"].value_counts())


def test_sections_and_patients_are_left_out_in_turn(
    saved: list[Path], tmp_path: Path, kept: Path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "panel.txt").write_text("EPCAM\nCD3E\nCOL1A1\n")
    output = run(
        "cross-validate", *saved, "--patient", "section-0=A", "--patient", "section-1=A",
        "--patient", "section-2=B", "--panel", tmp_path / "panel.txt", "--steps", 5, "--draws", 2,
        "--batch-size", 16, "--device", "cpu", "--cache", kept, "--json", tmp_path / "m.json",
    )  # fmt: skip
    assert "Mean of 3 sections" in output
    assert "Stem by section" in output
    found = json.loads((tmp_path / "m.json").read_text())
    assert list(found["sections"]) == ["section-0", "section-1", "section-2"]
    assert set(found["methods"]) == {"Stem", *BASELINES}
    assert set(found["genes"]) == {"EPCAM", "CD3E", "COL1A1"}


def test_a_patient_that_is_not_known_is_asked_for(saved: list[Path]):
    arguments = ["cross-validate", *map(str, saved), "--leave-out", "patient"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, OptionError)
    assert "--patient section-0=NAME" in str(result.exception)


def test_info_says_what_a_file_is(trained: TrainResult, saved: list[Path]):
    output = run("info", trained.path)
    assert "8 genes" in output
    assert "section-0" in output
    assert "spots" in run("info", "generated:1")
    n_genes = read_spots(saved[0]).n_vars
    assert f"{n_genes} genes" in run("info", saved[0])


def test_encoders_are_listed_with_licence_and_access():
    rows = [line.split() for line in run("encoders").splitlines() if line.strip()]
    known = {row[0]: row[1:] for row in rows}
    assert known["morphology"] == ["242", "224", "BSD-3-Clause", "allowed", "open", "built", "in"]
    assert known["conch"][:5] == ["512", "448", "CC-BY-NC-ND-4.0", "no", "request"]
    assert known["resnet18"][2:] == ["none", "stated", "unknown", "open", "your", "file"]


def test_the_version_is_printed():
    assert run("--version").strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "none.svs"], "SlideNotFound: There is no slide at 'none.svs'."),
        (["predict", "none.svs", "none.safetensors"], "CheckpointNotFound:"),
        (
            ["predict", "a.svs", "b.safetensors", "--statistic", "maximum"],
            "OptionError: statistic 'maximum' is unknown; choose mean,",
        ),
        (["info", "her2st:Z9"], "OptionError: There is no sample section 'her2st:Z9'."),
    ],
)
def test_an_error_is_one_line_and_exit_code_one(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["napari-stem", *arguments])
    assert the_line_of_a_failure(capsys).startswith(message)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "MemoryError: This machine has too little memory for this."),
        (RuntimeError("can't allocate memory"), "RuntimeError: This machine has too little memory"),
        (RuntimeError("can't start new thread"), "RuntimeError: The system allows no further"),
    ],
)
def test_too_little_memory_and_too_few_threads_are_one_line(error, told, monkeypatch, capsys):
    def fail() -> None:
        raise error

    monkeypatch.setattr("napari_stem.cli.app", fail)
    assert the_line_of_a_failure(capsys).startswith(told)


def the_line_of_a_failure(capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says as it ends with exit code 1: one line."""
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


def test_the_cache_is_shown_limited_and_cleared(tmp_path: Path):
    (tmp_path / "draws" / "one").mkdir(parents=True)
    (tmp_path / "draws" / "one" / "0").write_bytes(bytes(20_000_000))
    assert "1 result, 0.02 of 20 GB" in run("cache", "--cache", tmp_path)
    assert "0.02 of 3 GB" in run("cache", "--cache", tmp_path, "--limit", 3)
    shown = run("cache", "--cache", tmp_path, "--clear")
    assert "Removed 0.02 GB. 0 results, 0.00 of 3 GB" in shown


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


def test_evaluating_on_a_training_section_is_told_loudly(
    trained: TrainResult, saved: list[Path], kept: Path
):
    options = ("--draws", 2, "--sampler-steps", 2, "--device", "cpu", "--cache", kept)
    output = run("evaluate", trained.path, saved[2], "--train", saved[2], *options)
    assert "Section, not held out: section-2" in output
    assert "too good. The slide of 'section-2' is among the training sections." in output


def test_names_with_brackets_are_printed_whole(
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


def test_names_that_are_not_utf8_do_not_fail_the_exports(
    trained: TrainResult, saved: list[Path], tmp_path: Path
):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    shutil.copy(saved[2] / "slide.tif", folder / "s.tif")
    (folder / "s.csv").write_text("x,y\n300,300\n500,300\n")
    outputs = [folder / f"p.{suffix}" for suffix in ("h5ad", "csv", "geojson", "html")]
    done = subprocess.run(
        [
            sys.executable, "-m", "napari_stem", "predict", folder / "s.tif", trained.path,
            "--spots", folder / "s.csv", "--draws", "2", "--sampler-steps", "2",
            "--device", "cpu", *(part for path in outputs for part in ("-o", path)),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(path.exists() for path in outputs)
    assert "caf?" in done.stdout
    assert "caf?" in read_spots(outputs[0]).uns["napari_stem"]["slide_path"]
