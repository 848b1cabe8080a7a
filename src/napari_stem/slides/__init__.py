"""Slides: images read by region, and micrometres per pixel."""
