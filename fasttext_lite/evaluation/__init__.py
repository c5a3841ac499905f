"""How good a model is: scores, plots, maps of embeddings."""
