"""Places where somebody else's consumer keeps what it received, read into columns as a sink file describes them."""
