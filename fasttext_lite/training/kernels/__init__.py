"""The training loop, composed at compile time of its parts: see `general`."""
