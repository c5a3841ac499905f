"""Training as fastText does it: classifiers, word vectors, search, quantising."""
