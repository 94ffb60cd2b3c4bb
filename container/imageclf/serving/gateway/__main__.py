"""`python -m imageclf.serving.gateway LISTENER RUN`: a file descriptor, and the run folder."""

import sys

from imageclf import startup

with startup.imports():
    from imageclf.serving.gateway.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
