"""Trains the beta-VAE on features."""
