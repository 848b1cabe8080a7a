"""Data that the docks of a viewer share, with events for changes; no Qt and no napari layers."""
