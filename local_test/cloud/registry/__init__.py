"""Model packages, their groups and their approval."""
