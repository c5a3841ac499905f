"""Fuzzers: random damage, texts, settings, command lines and faults, one file for each question."""
