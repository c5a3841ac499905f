"""Reports: what a model does on labelled texts, as one page that opens in any browser."""
