"""From state to napari's layers, and from the mouse back."""
