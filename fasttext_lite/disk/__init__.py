"""Files that are written: whole or not at all, and nothing is left behind."""
