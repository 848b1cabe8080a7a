"""Export formats of predictions: one module per format, which writes it and tells what it is.

A new format is one new file here with an `EXPORTER`; the Export dock, the terminal and Python find
it. Modules import torch, matplotlib and spatialdata when they write, since front ends list all
formats at once and before anything heavy is loaded.
"""
