"""The Predict dock: slide, spots, checkpoint, prediction."""
