"""Saves tensors and their statistics while training runs; the only room that needs smdebug."""
