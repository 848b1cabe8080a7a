"""What a trained model carries, and the file that carries it."""
