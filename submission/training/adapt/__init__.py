"""Adapts the extractor to unlabelled images."""
