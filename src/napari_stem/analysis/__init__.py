"""Clusters, marker genes and spatial statistics of predicted expression."""
