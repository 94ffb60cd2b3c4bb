"""A stand-in for the image, found first on PYTHONPATH: a container of one small program."""
