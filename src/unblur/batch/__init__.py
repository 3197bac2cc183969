"""Many photos: worker processes, clusters, stores, and a journal that survives any stop."""
