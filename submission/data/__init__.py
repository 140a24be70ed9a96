"""Image files: what is known, where they are, how they are read, and the stand-in renderer."""
