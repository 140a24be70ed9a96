"""The stand-in's looks, fitted to labelled images."""
