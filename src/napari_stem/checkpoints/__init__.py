"""Trained models: their recipe and their file."""
