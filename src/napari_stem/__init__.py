"""Which genes are expressed where on an H&E slide (the method: Stem, ICLR 2025)."""
