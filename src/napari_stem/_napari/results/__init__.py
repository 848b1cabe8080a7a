"""The Result panel: genes, marker sets, statistics, comparisons."""
