"""Figures and pages about a prediction."""
