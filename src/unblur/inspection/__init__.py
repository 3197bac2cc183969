"""Looking at the motion: what was measured, as pictures, a page, and numbers."""
