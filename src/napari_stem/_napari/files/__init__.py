"""Files that napari opens and saves, and what it starts with."""
