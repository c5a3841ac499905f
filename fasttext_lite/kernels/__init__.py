"""Compiled code: numbers in, numbers out; one closed file for each stage.

A kernel calls only kernels of its own file, because Numba's disk cache notices a change of
the function's own file alone.  So no file here imports another, nor the package.  Each file
carries its own `_kernel` decorator for the same reason: options are part of what is cached.
"""
