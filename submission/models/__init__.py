"""Networks: the feature extractor, the RMAC extractor of stage 1, and the beta-VAE."""
