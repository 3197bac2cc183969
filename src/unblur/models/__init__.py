"""The networks (PyTorch) and their files; only training and export import these modules."""
