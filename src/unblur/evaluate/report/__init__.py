"""A comparison in words and figures, and as one page of HTML that needs nothing else."""
