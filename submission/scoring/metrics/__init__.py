"""One file for each metric: its settings, its result and its computation.

To add a metric, write such a file and name it in `ALL_METRICS`, `Settings`, `Scores`,
`score_codes.COMPUTE`, `text_tables.TITLES` and `result_files.KIT_NAMES`.
"""
