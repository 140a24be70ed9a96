"""Networks (extractors, heads, VAEs), their weights files, and the export as TorchScript."""
