"""`python -m napari_stem` is `napari-stem`."""

from napari_stem.cli import main

main()
