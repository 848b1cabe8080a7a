"""Names of genes, panels, and counts."""
