"""Finetunes the extractor on labelled images."""
