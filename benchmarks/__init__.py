"""Commands that time ours against a rival in one run and print the ratio."""
