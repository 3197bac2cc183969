"""The pipeline's settings, searched on one's own pairs, and judged on pairs kept aside."""
