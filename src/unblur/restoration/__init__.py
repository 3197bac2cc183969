"""Undoing the blur: the bank of solutions, and what makes a photo of it."""
