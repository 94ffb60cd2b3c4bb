"""One thread for each process that a test starts: tests run side by side on few cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
