"""Compiled code that does as fastText does, bit for bit where it can."""
