"""The files of a profile: compact tables that grow, read while they are written."""
