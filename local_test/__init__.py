"""Offline runs: the image, or a plain process, under a mirror of /opt/ml."""
