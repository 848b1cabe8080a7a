"""From sections with counts to a checkpoint."""
