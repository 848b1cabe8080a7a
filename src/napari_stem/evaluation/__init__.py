"""Metrics of predictions, compared with baselines."""
