"""What networks there are: the shipped ones, the user's model store, and who holds them loaded."""
