"""The page on where the time went."""
