"""The way of a photo: estimate, gate, tiles, report; and the front door for Python."""
