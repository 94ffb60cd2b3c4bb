"""Programs for the clients' own environment: one argument, JSON; the last line printed is JSON."""
