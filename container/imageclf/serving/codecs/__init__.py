"""Request bodies of every type that is taken, to pictures and options; content negotiation."""
