"""What `import napari_stem` offers: paths and names become objects here, and only here."""
