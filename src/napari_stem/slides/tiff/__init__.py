"""TIFFs as slides: which pages they are, in which colours, at which scale."""
