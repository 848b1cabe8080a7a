"""Encoders: from patches to vectors."""
