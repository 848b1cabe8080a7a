"""Many slides: on one machine or on a cluster, with a manifest of what is done."""
