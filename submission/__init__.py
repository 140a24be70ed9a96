"""Disentangled representations from finetuned features: training, export, scoring and upload."""
