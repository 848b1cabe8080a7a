"""The Explore dock: spots in groups, violins, two genes, masks, columns of the spots."""
