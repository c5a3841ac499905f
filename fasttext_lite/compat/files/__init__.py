"""fastText's files: arguments, dictionary, tables, and the whole `.bin` and `.ftz`."""
