"""Opening, saving and exporting files in the window."""
