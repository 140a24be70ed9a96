"""The five metrics on a table of codes, and what people look at afterwards."""
