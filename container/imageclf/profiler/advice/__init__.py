"""What to change, from what was measured."""
