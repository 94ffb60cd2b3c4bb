"""Part of it."""
