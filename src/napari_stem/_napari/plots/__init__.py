"""Plots of spots that several docks show, and in which spots can be chosen."""
