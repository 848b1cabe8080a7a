"""The plugin: docks, layers and workers. The only room that knows napari and Qt."""
