"""Judging: metrics, sets of pairs, quality and harm."""
