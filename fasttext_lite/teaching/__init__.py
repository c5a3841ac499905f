"""Knowledge from beside the labels: texts without labels, teachers, embeddings of any encoder."""
