"""What the Makefile starts: setting up, and keeping the README in step with the code."""
