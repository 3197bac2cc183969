"""Several models side by side on one data set: run once, kept, shown as a page."""
