"""Places on the open slides: inspected points and drawn regions, and which of them files hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from napari_stem._napari.state.display import Display
from napari_stem._napari.state.session import are_same

if TYPE_CHECKING:
    from napari_stem._napari.state.drawn_shape import DrawnShape
    from napari_stem._napari.state.point import Point
    from napari_stem.slides.slide import Slide


@dataclass(eq=False)
class Places(Display):
    """The open slides, with the points and regions of all of them."""

    slides: tuple[Slide, ...] = ()
    points: tuple[Point, ...] = ()  # inspected
    removed_points: tuple[tuple[Point, ...], ...] = ()  # the latest last, for undo
    saved_points: frozenset[Point] = frozenset()  # which a file of the user holds
    regions: tuple[DrawnShape, ...] = ()  # drawn, as the layers of their slides show them
    saved_regions: frozenset[DrawnShape] = frozenset()  # which a file of the user holds

    def points_of(self, slide: Slide) -> tuple[Point, ...]:
        """The inspected points of a slide, whichever checkpoint they were inspected with."""
        return tuple(point for point in self.points if are_same(point.slide, slide))

    def add_points(self, points: Iterable[Point]) -> tuple[Point, ...]:
        """Add points of open slides, and number them after those that are there."""
        known = chain(self.points, *self.removed_points)  # which may come back
        first = 1 + max((point.number for point in known), default=0)
        numbered = tuple(replace(one, number=i) for i, one in enumerate(points, start=first))
        self.points = (*self.points, *numbered)
        return numbered

    def restore_points(self, points: Iterable[Point], *, are_saved: bool = True) -> None:
        """Add points that a file kept, except those that are there."""
        added = self.add_points(
            [one for one in points if not any(map(one.repeats, self.points_of(one.slide)))]
        )
        if are_saved:
            self.take_saved_places(added)

    def remove_points(self, gone: Collection[Point]) -> None:
        """Remove points, until `undo_points`."""
        self.removed_points = (*self.removed_points, tuple(gone))
        self.points = tuple(point for point in self.points if point not in gone)

    def undo_points(self) -> None:
        """Bring back the points that were removed last."""
        if self.removed_points:
            *former, last = self.removed_points
            self.removed_points = tuple(former)
            self.points = tuple(sorted((*self.points, *last), key=lambda point: point.number))

    def regions_of(self, slide: Slide) -> tuple[DrawnShape, ...]:
        """The regions that are drawn on a slide."""
        return tuple(region for region in self.regions if region.slide == slide.fingerprint)

    def take_regions(self, slide: Slide, regions: Sequence[DrawnShape]) -> None:
        """Note what is drawn on a slide now."""
        others = (region for region in self.regions if region.slide != slide.fingerprint)
        self.regions = (*others, *regions)

    def take_saved_places(
        self, points: Iterable[Point] = (), regions: Iterable[DrawnShape] = ()
    ) -> None:
        """Note that a file of the user holds points and regions."""
        self.saved_points = self.saved_points.union(points)
        self.saved_regions = self.saved_regions.union(regions)

    def unsaved_points(self, *slides: Slide) -> list[Point]:
        """The inspected points of slides that no file holds; of all slides if none is given."""
        points = chain.from_iterable(map(self.points_of, slides or self.slides))
        return [point for point in points if point not in self.saved_points]

    def unsaved_regions(self, *slides: Slide) -> list[DrawnShape]:
        """The drawn regions of slides that no file holds; of all slides if none is given."""
        regions = chain.from_iterable(map(self.regions_of, slides or self.slides))
        return [region for region in regions if region not in self.saved_regions]

    def _keep_places(self, is_open: Callable[[Slide], bool]) -> None:
        """Drop points of slides that are not open at their scale, and regions of closed ones."""

        def still(points: Iterable[Point]) -> tuple[Point, ...]:
            return tuple(point for point in points if is_open(point.slide))

        self.points = still(self.points)
        self.removed_points = tuple(filter(None, map(still, self.removed_points)))
        self.saved_points = frozenset(still(self.saved_points))
        shown = {slide.fingerprint for slide in self.slides}
        self.regions = tuple(region for region in self.regions if region.slide in shown)
        self.saved_regions = frozenset(x for x in self.saved_regions if x.slide in shown)
