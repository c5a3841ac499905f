"""What is wrong with labelled texts: duplicates, leaks, contradictions, wrong labels, odd rows."""
