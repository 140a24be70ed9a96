"""The main job and local evaluation."""
