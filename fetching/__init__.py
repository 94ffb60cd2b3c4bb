"""Data from outside, fetched without trusting it: downloads, archives, the dog breeds."""
