"""The Clusters dock."""
