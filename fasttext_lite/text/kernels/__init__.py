"""Compiled code that marks tokens and looks words up."""
