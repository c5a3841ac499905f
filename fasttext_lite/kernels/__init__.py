"""Compiled code: numbers in, numbers out; one file for each stage.

The cache of compiled code (`compiling`) notices a change of any file whose functions a kernel
reaches.  The files here import nothing else of the package than each other and the decorator: what
is compiled together stays small, and other changes leave it as it is.
"""
