"""What sagemaker-training starts in each process."""

import sys

from imageclf import startup

with startup.imports():
    from imageclf.training.program import main

if __name__ == "__main__":
    sys.exit(main())
