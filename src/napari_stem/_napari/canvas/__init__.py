"""Draws the workspace as napari layers, and turns the mouse into slide coordinates."""
