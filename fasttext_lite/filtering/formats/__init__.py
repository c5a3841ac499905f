"""The formats of files that are filtered: a file for each, and the table of them."""
