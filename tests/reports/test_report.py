"""Figures and the page show what they say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.analysis.cluster import cluster
from napari_stem.evaluation.metrics import METRICS
from napari_stem.exports.registry import write_prediction
from napari_stem.reports.measured import measured_part
from napari_stem.reports.plots import cluster_map, gene_maps, variation_curve
from napari_stem.reports.report import leading_genes, write_report
from napari_stem.reports.training_report import write_training_report
from napari_stem.training.train import TrainResult


@pytest.fixture(scope="module")
def clustered(trained: TrainResult) -> AnnData:
    assert trained.evaluation is not None
    found = trained.evaluation.prediction.copy()
    cluster(found)
    return found


@pytest.fixture
def prediction(clustered: AnnData) -> AnnData:
    return clustered.copy()


def test_gene_maps_draw_the_values_at_the_spots(prediction: AnnData):
    figure = gene_maps(prediction, ["CD3E"])
    measured, predicted, spread = (axis.collections[0] for axis in figure.axes[:3])
    np.testing.assert_allclose(predicted.get_array(), prediction[:, "CD3E"].X[:, 0])
    np.testing.assert_allclose(measured.get_array(), prediction[:, "CD3E"].layers["truth"][:, 0])
    np.testing.assert_allclose(spread.get_array(), prediction[:, "CD3E"].layers["std"][:, 0])
    np.testing.assert_allclose(predicted.get_offsets(), prediction.obsm["spatial"])
    assert measured.get_clim() == predicted.get_clim()


def test_the_cluster_map_has_a_legend_of_every_cluster(prediction: AnnData):
    legend = cluster_map(prediction).axes[0].get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [f"Cluster {name}" for name in prediction.obs["leiden"].cat.categories]


def test_the_variation_curve_is_ordered_by_measured_variance(prediction: AnnData):
    line, dots = variation_curve(prediction).axes[0].lines
    truth = prediction.layers["truth"].var(axis=0)
    np.testing.assert_allclose(line.get_ydata(), np.sort(truth))
    np.testing.assert_allclose(dots.get_ydata(), prediction.X.var(axis=0)[np.argsort(truth)])


def test_the_report_stands_alone_and_escapes_names(
    prediction: AnnData, trained: TrainResult, tmp_path: Path
):
    prediction.uns["napari_stem"]["slide"] = "<script>alert(1)</script>"
    prediction.uns["napari_stem"]["seen"] = "<u>It was trained on this slide.</u>"
    prediction.var["trust"] = "<u>much</u>"
    assert trained.evaluation is not None
    path = tmp_path / "report.html"
    write_report(prediction, path, evaluation=trained.evaluation)
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<u>" not in page
    assert "trained on this slide" in page[page.index("What to distrust") :]
    assert page.count("data:image/png;base64,") == 6
    assert "src=http" not in page
    assert "k-NN" in page
    assert "&quot;n_draws&quot;: 4" in page
    asked = ["What was done", "How good it is", "What to distrust", "Maps", "Details"]
    places = [page.index(f"<h2>{heading}</h2>") for heading in asked]
    assert places == sorted(places)
    assert places[2] < page.index("Compared with measured counts")
    for trust, number in trained.evaluation.comparison.held_out()["trust"].value_counts().items():
        assert re.search(rf"<b>{trust}</b></td><td>{number} <small>of 8</small>", page)


def test_the_report_of_a_training_says_what_to_believe_and_what_to_distrust(
    trained: TrainResult, tmp_path: Path
):
    written = trained.path.parent / "report.html"  # by `stem.train`
    page = written.read_text(encoding="utf-8")
    headings = re.findall(r"<h[23]>(.*?)</h[23]>", page)
    assert headings == [
        "What was done", "How good it is", "What to distrust", "Compared with measured counts",
        "Genes and their noise ceilings", "Calibration", "Variation of genes",
        "Genes that vary together", "Details",
    ]  # fmt: skip
    assert page.count("data:image/png;base64,") == 4
    assert trained.evaluation is not None
    ceiling = trained.evaluation.comparison.ceilings["pcc_all"]
    assert re.search(rf"PCC-all</td><td>[^/]*</td><td>[^/]*</td><td>{ceiling:.3f}</td>", page)
    places = [page.index(f"<h2>{text}</h2>") for text in ("What was done", "How good it is")]
    assert places == sorted(places)
    assert "8 genes" in page
    assert "section-0, section-1" in page
    assert "It was tried on section-2, which it never saw." in page
    assert all(gene in page[places[1] :] for gene in trained.checkpoint.recipe.panel)
    assert re.search(r"Intervals of 90 % held \d+ % of the values", page)
    untold = replace(trained.checkpoint, about={"spots": 3, "sections": ["A"], "step": 2})
    path = tmp_path / "training.html"
    write_training_report(untold, (), path, name="<b>liver</b>")
    page = path.read_text(encoding="utf-8")
    assert "Training &lt;b&gt;liver&lt;/b&gt;" in page
    assert "no tissue was held out" in page


def test_each_of_several_sections_has_a_row(trained: TrainResult):
    assert trained.evaluation is not None
    other = replace(trained.evaluation, section="<i>other</i>")
    page = "".join(measured_part([trained.evaluation, other]))
    mae = METRICS["mae"].text(trained.evaluation.scores["Stem"]["mae"])
    for name in ("section-2", "&lt;i&gt;other&lt;/i&gt;"):
        assert re.search(rf"<td>{name}</td><td>\d+</td><td>[^<]*</td><td>{mae}</td>", page)
    assert "Genes that vary together, section-2" in page


def test_no_name_or_number_of_a_file_spoils_a_page_or_a_figure(prediction: AnnData, tmp_path: Path):
    """A file that others wrote may say anything."""
    about = prediction.uns["napari_stem"]
    about |= {"slide": "{a}", "n_draws": "<b>2</b>", "unit": "<i>$x$</i>", "versions": "{"}
    about |= {"slide_path": "/home/somebody/{a}.tif", "warnings": ["<u>", r"$\frac{$"]}
    odd = r"$\frac{$"
    prediction.var_names = [odd, "<img src=x>", *prediction.var_names[2:]]
    prediction.obs["leiden"] = prediction.obs["leiden"].cat.rename_categories({"1": odd})
    write_report(prediction, tmp_path / "a.html", genes=[odd, "<img src=x>"])
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert not any(tag in page for tag in ("<b>", "<i>", "<u>", "<img src=x>", "somebody"))
    write_prediction(prediction, tmp_path / "a.png", genes=[odd])
    assert gene_maps(prediction, [odd]).axes[0].get_title() == f"{odd}, measured"


def test_the_best_predicted_genes_lead(prediction: AnnData):
    prediction.var["held_out_pcc"] = np.arange(8)
    assert leading_genes(prediction, 2) == list(prediction.var_names[[7, 6]])
