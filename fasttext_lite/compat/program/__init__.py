"""fastText's program: its commands, what they print, and how they fail."""
