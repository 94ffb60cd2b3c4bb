"""Small trainings that are ill in known ways, and whether the debugger's rules say so."""
