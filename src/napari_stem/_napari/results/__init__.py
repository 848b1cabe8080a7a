"""What a result shows: genes, statistics, comparisons."""
