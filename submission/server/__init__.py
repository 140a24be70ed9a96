"""What the evaluation server gives and expects."""
