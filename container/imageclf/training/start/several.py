"""`torchrun`, which starts a host's processes where there are several, loaded quickly."""

import sys

from imageclf import startup

with startup.imports():
    from torch.distributed.run import main

if __name__ == "__main__":
    sys.exit(main())
