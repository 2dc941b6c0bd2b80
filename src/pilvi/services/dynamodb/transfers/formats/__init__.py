"""Lines of files and the items in them."""
