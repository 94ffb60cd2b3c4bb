"""A stand-in for the image, found first on PYTHONPATH: it serves at once, without a network."""
