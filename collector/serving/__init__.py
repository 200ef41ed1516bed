"""The collector on HTTP: the page, the API, the metrics, and who may see them."""
