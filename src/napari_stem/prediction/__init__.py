"""From a slide, spots and a checkpoint to draws and their summary."""
