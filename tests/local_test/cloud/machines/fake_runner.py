"""A runner whose job is a process in a session of its own that does nothing."""

import subprocess
import sys

from local_test.cloud.machines import runners
from local_test.cloud.settings import CloudSettings

if __name__ == "__main__":
    settings = CloudSettings.from_environment()
    runners.guard(settings)
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    (settings.root / f"{sys.argv[1]}.child").write_text(str(child.pid))
    child.wait()
