"""Take the motion blur out of photos: explain the blur, then undo it."""
__version__ = "0.1.0"
