"""The experiments behind docs/results.md: `python -m experiments`."""
