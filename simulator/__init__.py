"""Cities that talk: the catalogue of cities, the models, and the processes that turn a scenario into messages."""
