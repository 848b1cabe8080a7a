"""Plots and reports of a prediction."""
