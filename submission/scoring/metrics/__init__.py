"""One file for each metric: its settings, its result and its computation.

To add a metric, write such a file and name it in `catalogue.METRICS`, `Settings` and `Scores`.
"""
