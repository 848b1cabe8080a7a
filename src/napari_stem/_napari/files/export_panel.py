"""The Export panel: which format, genes and spots to write."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLineEdit, QProgressBar, QSizePolicy

from napari_stem._napari.canvas.drawn_region import selected_region
from napari_stem._napari.keeping.exporting import ExportRequest
from napari_stem._napari.shell.choices import choose_export
from napari_stem._napari.shell.dialogs import ask_save, beside, open_outside
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import Panel, button
from napari_stem._napari.shell.remembered import with_slide_path
from napari_stem._napari.state.kept_result import Saved
from napari_stem._napari.state.saved_view import View
from napari_stem.errors import OptionError, StemError
from napari_stem.exports.registry import DEFAULT_SUFFIX, exporters, find_exporter

if TYPE_CHECKING:
    import numpy as np
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace

_ALL, _SHOWN, _LIST = "all genes", "shown gene", "list of genes"
_PROPOSED = {".ome.tif": ".stem.ome.tif"}  # which opens here again: plain TIFFs are left to napari
_WHOLE, _REGION = "all spots", "spots in selected region"


class ExportPanel(Panel):
    """Writes the prediction, or a part of it, to a file."""

    heading = "Export"

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._viewer = ref(viewer)
        self._last: Path | None = None  # the latest file written of the shown result
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.format = _choice()
        for row, entry in enumerate(exporters()):
            missing = ", not installed" if entry.lacking else ""
            self.format.addItem(f"{entry.name} ({entry.suffix}){missing}", entry.suffix)
            tip = entry.lacking or entry.holds
            self.format.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
        self.format.setCurrentIndex(max(0, self.format.findData(self.workspace.export_format)))
        self.format.setToolTip(
            "File format. AnnData (default) holds the whole prediction and opens here again and in "
            "scanpy. For QuPath, choose GeoJSON and drop the file on the slide."
        )
        self.genes = _choice(_ALL, _SHOWN, _LIST)
        self.genes.setToolTip(
            "Genes to write (default all). Of all genes, a figure or a report shows the best "
            "predicted ones, or the most variable ones if there are no metrics."
        )
        self.typed = QLineEdit()
        self.typed.setPlaceholderText("FASN, GNAS, …")
        self.typed.setToolTip("Gene symbols, separated by commas or spaces.")
        self.spots = _choice(_WHOLE, _REGION)
        self.spots.setToolTip(
            "Spots to write (default all). The region consists of the selected shapes of a Shapes "
            "layer; a spot is in it if its centre is."
        )
        self.export_button = button("Export…", "Choose a path and write the file.")
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)  # which Qt shows as "busy": exporters report no progress
        self.add_row(self.format, label="Format")
        self.add_row(self.genes, label="Genes")
        self.add_row(self.typed)
        self.add_row(self.spots, label="Spots")
        self.report_button = button("Open report", "Open the report just written in the browser.")
        self.add_row(self.export_button, self.report_button)
        self.add_row(self.bar)
        self.add_row(self.note)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def _connect(self) -> None:
        self.genes.currentTextChanged.connect(self.refresh)
        self.export_button.clicked.connect(self._ask)
        self.report_button.clicked.connect(self._open_report)
        listen(self, self.workspace.events.result, self._forget)
        listen(self, self.workspace.run.events.request, self.refresh)

    def export(self, path: Path) -> None:
        """Write the chosen genes and spots to `path`, which has the suffix of the format."""
        self._forget()
        choose_export(self.workspace, path, self.format.currentData())
        try:
            request = self._request(path)
        except StemError as error:
            self.refuse(error)
            return
        self.bar.show()
        work = self.workspace
        content = Saved(self._result(), work.clusters, work.groups)
        note = partial(self._note, request, content)
        self.run(request.events(), f"Writing {path.name}…", note)

    def _request(self, path: Path) -> ExportRequest:
        result = self._result()
        assert result.prediction is not None  # otherwise the panel is disabled
        return ExportRequest(
            prediction=result.prediction,
            path=path,
            view=View.of(self.workspace),
            genes=self._genes(),
            region=self._region(),
            with_slide_path=with_slide_path(),
            points=self.workspace.points_of(result.slide),
            drawn=self.workspace.regions_of(result.slide),
        )

    def _genes(self) -> list[str]:
        chosen = self.genes.currentText()
        if chosen == _ALL:
            return []
        if chosen == _SHOWN:
            return [self.workspace.gene]
        names = [name for name in re.split(r"[\s,;]+", self.typed.text()) if name]
        if not names:
            raise OptionError("No genes are given. Type gene symbols, or choose all genes.")
        return names

    def _region(self) -> list[NDArray[np.float64]]:
        if self.spots.currentText() == _WHOLE:
            return []
        viewer = self._viewer()
        region = selected_region(viewer, self._result().slide) if viewer else []
        if not region:
            raise OptionError(
                "No region is selected. Draw a rectangle or a polygon in a Shapes layer and keep "
                "that layer selected, or choose all spots."
            )
        return region

    def _result(self) -> Result:
        result = self.workspace.result
        assert result is not None  # otherwise the panel is disabled
        return result

    def _ask(self) -> None:
        suffix, slide = self.format.currentData(), self._result().slide
        name = f"{slide.name}{_PROPOSED.get(suffix, suffix)}"
        proposal = Path(beside(slide, self.workspace.export_folder)) / name
        if lacking := find_exporter(suffix).lacking:
            self.note.setText(lacking)
            return
        kind = find_exporter(suffix).name
        path = ask_save(self, "Export prediction", proposal, kind=kind, suffix=suffix)
        if path is not None:
            self.export(path)

    def _open_report(self) -> None:
        if self._last is not None:
            open_outside(self._last)

    def _note(self, request: ExportRequest, content: Saved, path: Path) -> None:
        if request.is_whole:
            self.workspace.take_saved(content)
        if path.suffix == DEFAULT_SUFFIX:  # which holds points and regions, too
            self.workspace.take_saved_places(request.points, request.drawn)
        if self.workspace.result is content.result:
            self._last = path

    def _forget(self) -> None:
        self._last = None
        self.refresh()

    def refresh(self) -> None:
        if self.is_busy:
            return  # it is refreshed again at its end
        why_not = self.workspace.run.lacking(self.workspace.result)
        self.setEnabled(not why_not)
        self.typed.setVisible(self.genes.currentText() == _LIST)
        self.bar.hide()
        self.report_button.setVisible(self._last is not None and self._last.suffix == ".html")
        written = f"Exported {self._last.name}" if self._last else ""
        self.note.setText(why_not or written)
        self.note.setToolTip(str(self._last or ""))


def _choice(*texts: str) -> QComboBox:
    made = QComboBox()
    made.addItems(texts)
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made
