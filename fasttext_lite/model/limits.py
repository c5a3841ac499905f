"""Where the ways part on which texts are classified."""

from __future__ import annotations

# Up to this many labels asked for, they are selected while searching; beyond, all are sorted.
MAX_SELECTED = 32

# Up to this many texts are classified one after another, without what a batch costs to set up.
FEW_TEXTS = 16

# Characters of these texts together; Ctrl-C is heard after each of them.
LONGEST = 1 << 16

# Bytes of texts that are worked on at a time, all steps one after another: they stay in the caches.
RANGE_BYTES = 1 << 18
