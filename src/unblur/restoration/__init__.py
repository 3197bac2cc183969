"""Undoing the blur: bank, networks, referee, tiles, and the front door for Python."""
