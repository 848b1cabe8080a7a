"""Geometry of Visium's spots, the default of grids."""

PITCH_UM = 100.0
DIAMETER_UM = 55.0
DIAMETER_OVER_PITCH = DIAMETER_UM / PITCH_UM
