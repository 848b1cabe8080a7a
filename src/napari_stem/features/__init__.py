"""From tissue around a spot to the condition of the network."""
