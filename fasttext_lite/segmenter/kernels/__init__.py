"""Compiled code of the segmenter: its dictionary, cutting, words that are added."""
