"""Texts become marked tokens: analyzers, normalisation, classes of characters."""
