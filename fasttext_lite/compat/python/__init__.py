"""fastText's Python package: its functions, their arguments, and its model."""
