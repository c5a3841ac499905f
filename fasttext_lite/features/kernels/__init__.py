"""Compiled code of features: codes, their rows, what they tell of labels, weights."""
