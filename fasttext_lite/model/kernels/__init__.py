"""Compiled code of prediction and of quantised tables."""
