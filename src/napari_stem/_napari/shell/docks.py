"""Opens docks by the names in napari's menu, so that menu and buttons open the same dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from npe2 import PluginManager

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QWidget

_PLUGIN = "napari-stem"


def open_dock(viewer: Viewer, name: str) -> QWidget:
    """Open a dock of the manifest, or bring it to the front if it is open.

    Parameters
    ----------
    name
        The widget's `display_name` in the manifest, for example "Clusters".
    """
    viewer = unwrapped(viewer)
    manifest = PluginManager.instance().get_manifest(_PLUGIN)
    title = f"{name} ({manifest.display_name})"
    if title not in viewer.window.dock_widgets:
        widgets = manifest.contributions.widgets or []
        (widget,) = (widget for widget in widgets if widget.display_name == name)
        viewer.window.add_dock_widget(
            widget.get_callable()(viewer), name=title, area="right", tabify=True
        )
    dock = viewer.window.dock_widgets[title]
    bring_to_front(dock)
    return dock


def bring_to_front(dock: QWidget) -> None:
    """Show a dock that is hidden, or lies behind another one."""
    frame = cast("QWidget", dock.parent())  # napari's frame of it
    frame.show()
    frame.raise_()


def window_of(viewer: Viewer) -> QWidget:
    """The window of a viewer, for which napari has no public attribute."""
    return cast("QWidget", viewer.window._qt_window)


def has_window(viewer: Viewer | None) -> bool:
    """Whether a viewer is open; napari has no public word for one that was closed."""
    return hasattr(getattr(viewer, "window", None), "_qt_window")


def unwrapped(viewer: Viewer) -> Viewer:
    """The viewer behind the proxy that napari hands to plugins, which differs at each call."""
    return cast("Viewer", getattr(viewer, "__wrapped__", viewer))
