"""Pages that a person reads, made from the files that a run wrote."""
