"""What is legal but surely not meant: each warning, and the nearest case that is innocent."""
