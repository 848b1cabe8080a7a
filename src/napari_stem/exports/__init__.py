"""Export formats of predictions: one module per format.

A new format is one new file here with an `EXPORTER`; the Export dock, the terminal and Python find
it. These modules import their libraries when something is written, since front ends list all
formats at once and before anything heavy is loaded.
"""
