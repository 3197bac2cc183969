"""Training: typed configs, synthetic data, one loop. Needs the extra ``train``."""
