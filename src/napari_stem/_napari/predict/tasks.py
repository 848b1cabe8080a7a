"""What docks ask of the core, as generators for `worker.start`.

Their imports happen in the thread: torch, scanpy and timm take seconds, and a dock opens at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from napari_stem._napari.predict.options import compute_for
from napari_stem._napari.shell.imports import load_dask, load_triton_apart
from napari_stem._napari.shell.remembered import symbols
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import ChosenCheckpoint
from napari_stem.events import Event, Events, Partial, Progress
from napari_stem.prediction.options import PredictOptions

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray
    from pandas import DataFrame

    from napari_stem._napari.canvas.layer_source import LayerSource
    from napari_stem.analysis.labels import Clusters
    from napari_stem.analysis.leiden_options import LeidenOptions
    from napari_stem.genes.markers import MarkerSet
    from napari_stem.sections.section import Section
    from napari_stem.slides.slide import Slide

Region = Sequence["NDArray[np.float64]"]  # polygons, corners x and y in level-0 pixels


def open_slide(path: Path) -> Events[Slide]:
    """Open a slide and read its overview, which the canvas needs first."""
    yield Progress(0, 0, "open", path.name)
    from napari_stem.slides.slide import open_slide

    return (yield from read_overview(open_slide(path)))


def read_overview(slide: Slide) -> Events[Slide]:
    """The slide once its overview is made, which the canvas needs first."""
    yield from slide.iter_overview()
    if slide.path is not None:
        load_dask()
    return slide


def slide_of_layer(source: LayerSource) -> Events[Slide]:
    """A slide of an image that napari shows: of its file if there is one, else of its pixels."""
    yield Progress(0, 0, "open", source.name)
    import numpy as np

    from napari_stem.errors import SlideError
    from napari_stem.slides.slide import Slide, open_slide

    if source.path is not None:
        try:
            slide = open_slide(source.path)
        except SlideError:
            pass  # napari reads more formats than we do
        else:
            if slide.levels[0].shape[:2] == source.pixels.shape[:2]:
                return slide if slide.mpp or not source.mpp else slide.with_mpp(source.mpp, "layer")
            slide.close()
    return Slide.from_array(np.asarray(source.pixels)[..., :3], mpp=source.mpp, name=source.name)


def scale_by_pitch(slide: Slide, spots: AnnData, pitch_um: float) -> Events[Slide]:
    """The slide at the scale that the distance of its spots tells."""
    yield Progress(0, 0, "measure", slide.name)
    from napari_stem.spots.table import mpp_from_pitch

    return slide.with_mpp(mpp_from_pitch(spots, pitch_um), source="spot pitch")


def read_spots(
    path: Path, slide: Slide, *, pitch_um: float, diameter_um: float, bin_um: float | None = None
) -> Events[Section]:
    """Read spots of the slide, which may tell its scale, or lay a grid in drawn regions."""
    yield Progress(0, 0, "read", path.name)
    from napari_stem.sections.section import section_on

    return section_on(
        slide, path, pitch_um=pitch_um, diameter_um=diameter_um, bin_um=bin_um, symbols=symbols()
    )


def make_grid(
    slide: Slide,
    *,
    pitch_um: float,
    diameter_um: float,
    layout: Literal["hex", "square"],
    region: Region = (),
) -> Events[AnnData]:
    """Spots at regular distances: over the tissue, or in a region, whatever is there."""
    yield Progress(0, 0, "grid", slide.name)
    from napari_stem.errors import SpotsError
    from napari_stem.io import select
    from napari_stem.spots.grid import make_grid

    try:
        grid = make_grid(
            slide, pitch_um=pitch_um, diameter_um=diameter_um, layout=layout, on_tissue=not region
        )
    except SpotsError as error:
        if region:
            raise
        raise SpotsError(
            f"No tissue was found on {slide.name} for a grid of {pitch_um:g} µm. Draw a region, "
            "then press Grid in region."
        ) from error
    return select(grid, region=region)


def spots_in_region(spots: AnnData, slide: Slide, region: Region) -> Events[AnnData]:
    """The spots whose centre lies in one of the region's polygons."""
    yield Progress(0, 0, "select", slide.name)
    from napari_stem.io import select

    return select(spots, region=region)


def describe_spots(spots: AnnData, slide: Slide) -> str:
    """How many spots there are, how far apart and how large."""
    from napari_stem.io import source_of  # long since imported by who made them
    from napari_stem.spots.table import pitch, spot_diameter

    unit, mpp = ("µm", slide.mpp) if slide.mpp else ("pixels", 1.0)
    sizes = f"Ø {spot_diameter(spots) * mpp:.0f} {unit}"
    if spots.n_obs == 1:
        return f"1 spot, {sizes}"
    left_out = ", ".join(spots.uns.get("excluded", ()))
    told = f"\nLeft out of the slide: {left_out}" if left_out else ""
    if remark := source_of(spots).remark:
        told += f"\n{remark[0].upper()}{remark[1:]}"
    return f"{spots.n_obs:,} spots, pitch {pitch(spots) * mpp:.0f} {unit}, {sizes}{told}"


def describe_checkpoint(path: Path) -> Events[ChosenCheckpoint]:
    """What a checkpoint's header says."""
    yield Progress(0, 0, "read", path.name)
    load_triton_apart()
    from napari_stem.checkpoints.checkpoint import read_about
    from napari_stem.genes.counts import UNITS

    recipe, about = read_about(path)
    return ChosenCheckpoint(path, recipe, UNITS[recipe.transform], about)


@dataclass(frozen=True, slots=True, eq=False)
class PredictRequest:
    """Everything that decides a prediction."""

    slide: Slide
    spots: AnnData
    checkpoint: ChosenCheckpoint
    n_draws: int = 20
    sampler: str = "dpm++"
    steps: int = 20
    seed: int = 0
    device: str = "auto"
    batch_size: int = 256

    def continues(self, other: PredictRequest) -> bool:
        """Whether its draws are those of the other request, or more of them."""
        return (
            self.slide is other.slide
            and self.spots is other.spots
            and self.checkpoint is other.checkpoint
            and (self.sampler, self.steps, self.seed) == (other.sampler, other.steps, other.seed)
        )

    def events(self) -> Generator[Event | Result, None, Result]:
        """Predict; previews arrive as results that hold the mean of the draws so far."""
        yield Progress(0, 0, "load", self.checkpoint.path.name)
        load_triton_apart()
        from napari_stem.checkpoints.checkpoint import load_checkpoint
        from napari_stem.prediction.predict import iter_predict

        options = PredictOptions(self.n_draws, self.sampler, self.steps, self.seed)
        compute = compute_for(
            self.checkpoint.recipe, device=self.device, batch_size=self.batch_size
        )
        checkpoint = load_checkpoint(self.checkpoint.path)
        events = iter_predict(self.slide, self.spots, checkpoint, options, compute)
        with closing(events):
            while True:
                try:
                    event = next(events)
                except StopIteration as end:
                    return Result.of_prediction(self.slide, end.value, self)
                yield self._preview(event) if isinstance(event, Partial) else event

    def _preview(self, so_far: Partial) -> Result:
        return Result(
            slide=self.slide,
            spots=self.spots,
            genes=self.checkpoint.recipe.panel,
            unit=self.checkpoint.unit,
            values={"mean": so_far.mean},
            n_draws=so_far.draws,
            request=self,
        )


def compute_statistic(result: Result, statistic: str, threshold: float) -> Events[Result]:
    """The result with a statistic of its draws, which the cache still has."""
    yield Progress(0, 0, "compute", statistic)
    from napari_stem.prediction import draws
    from napari_stem.prediction.predict import draws_of
    from napari_stem.storage import cache_dir

    assert result.prediction is not None
    functions: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
        "median": draws.median,
        "mode": draws.mode,
        "above": partial(draws.share_above, threshold=threshold),
    }
    store = draws_of(result.prediction, cache_dir())
    if statistic == "above":
        result = replace(result, threshold=threshold)
    return result.with_values(statistic, store.statistic(functions[statistic], result.n_draws))


def read_marker_sets() -> Events[list[MarkerSet]]:
    """All marker sets."""
    yield Progress(0, 0, "read", "marker sets")
    from napari_stem.genes.markers import marker_sets

    return marker_sets()


def import_marker_set(path: Path) -> Events[MarkerSet]:
    """Keep the genes of a file as a marker set."""
    yield Progress(0, 0, "read", path.name)
    from napari_stem.genes.markers import import_marker_set

    return import_marker_set(path)


def save_marker_set(name: str, genes: Sequence[str]) -> Events[MarkerSet]:
    """Keep genes as a marker set."""
    yield Progress(0, 0, "save", name)
    from napari_stem.genes.markers import save_marker_set

    return save_marker_set(name, genes)


def find_clusters(result: Result, options: LeidenOptions) -> Events[Clusters]:
    """Leiden clusters of a prediction."""
    yield Progress(0, 0, "cluster")
    from napari_stem.analysis.cluster import find_clusters

    assert result.prediction is not None
    return find_clusters(result.prediction, options)


def rank_genes(result: Result, clusters: Clusters) -> Events[DataFrame]:
    """Genes of each cluster by how much its spots differ from all others."""
    yield Progress(0, 0, "rank")
    from napari_stem.analysis.marker_genes import rank_genes

    assert result.prediction is not None
    return rank_genes(result.prediction, clusters)


def save_ranking(ranking: DataFrame, clusters: Clusters, path: Path) -> Events[Path]:
    """Write a ranking as a table."""
    yield Progress(0, 0, "save", path.name)
    from napari_stem.analysis.marker_genes import write_ranking

    write_ranking(ranking, clusters, path)
    return path
