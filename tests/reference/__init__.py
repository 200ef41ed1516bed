"""Reference values computed outside the product, or published, with their source."""
