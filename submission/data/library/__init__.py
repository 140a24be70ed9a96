"""Readers of disentanglement_lib's other data sets."""
