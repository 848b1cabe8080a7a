"""The Train dock and its dialog."""
