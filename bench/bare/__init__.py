"""A lower bound, not a product: the fewest requests that make a Job and tell of it, with nothing that makes it safe."""
