"""Labels for texts, given by people with a model at their side."""
