"""Compiled code: numbers in, numbers out; one file for each stage.

The cache of compiled code (`compiling`) notices a change of the function's own file and of those
which that file names in `uses`.  So no file here imports another unless it names it, nor anything
else of the package but the decorator.  Each file carries its own options for the same reason:
they are part of what is cached.
"""
