"""The diffusion model of Stem: tensors in, tensors out."""
