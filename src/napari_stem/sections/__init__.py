"""Sections of tissue: image, spots and counts; real or generated."""
