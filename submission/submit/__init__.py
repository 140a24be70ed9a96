"""A commit on its way to the evaluation server."""
