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
    widgets = manifest.contributions.widgets or []
    (widget,) = (widget for widget in widgets if widget.display_name == name)
    kind = cast("type[QWidget]", widget.get_callable())
    # Docks that the menu opens are named in another way than those of a script.
    found = (dock for dock in viewer.window.dock_widgets.values() if isinstance(dock, kind))
    dock = next(found, None)
    if dock is None:
        dock = kind(viewer)
        title = f"{name} ({manifest.display_name})"
        viewer.window.add_dock_widget(dock, name=title, area="right", tabify=True)
    bring_to_front(dock)
    return dock


def bring_to_front(dock: QWidget) -> None:
    """Show a dock that is hidden, or lies behind another one."""
    frame = cast("QWidget", dock.parent())  # napari's frame of it
    frame.show()
    frame.raise_()


def window_of(viewer: Viewer) -> QWidget:
    """The main window of a viewer, for which napari has no attribute of its own."""
    return cast("QWidget", viewer.window.main_menu.window())


def is_open(viewer: Viewer | None) -> bool:
    """Whether a viewer has a window that was not closed."""
    window = getattr(viewer, "window", None)
    if window is None:
        return False
    try:
        window.geometry()
    except (AttributeError, RuntimeError):  # napari has dropped it, or Qt has deleted it
        return False
    return True


def unwrapped(viewer: Viewer) -> Viewer:
    """The viewer behind the proxy that napari hands to plugins, which differs at each call."""
    return cast("Viewer", getattr(viewer, "__wrapped__", viewer))
