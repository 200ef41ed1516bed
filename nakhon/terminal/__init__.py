"""What a person at a terminal meets: words, progress, Ctrl-C, sizes and lengths of time."""
