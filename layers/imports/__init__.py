"""Import: files that nobody prepared become layers, or a list of what is wrong with them."""
