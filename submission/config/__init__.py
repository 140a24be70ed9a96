"""Settings as values: what can be set, how gin files are read, how they are written down."""
