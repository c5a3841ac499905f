"""Search for better settings under a budget of time and size."""
