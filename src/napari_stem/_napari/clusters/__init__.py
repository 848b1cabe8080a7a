"""The Clusters dock: Leiden clusters, their legend, marker genes, agreement with annotations."""
