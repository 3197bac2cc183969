"""The blur detector as a product: verdicts on photos, culling, heat maps."""
