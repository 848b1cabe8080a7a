"""OME-Zarr slides: metadata of images and plates, chunks that are there or lost, pictures."""
