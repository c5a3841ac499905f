"""Compiled code of filtering: records are found in bytes and put together from them."""
