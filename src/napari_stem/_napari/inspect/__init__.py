"""The Inspect dock: predicted genes at the points that the user clicks."""
