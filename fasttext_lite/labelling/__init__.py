"""Labelling by hand: answers on disk, a model that learns along, and what to ask next."""
