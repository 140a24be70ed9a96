"""The names of the challenge's starter kit."""
