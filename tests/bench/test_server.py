import sys
from pathlib import Path

import psutil
import pytest

from bench.serving.contenders import free_port
from bench.serving.server import Plan, ServerError, running

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
import http.server
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""


def test_a_server_is_ready_when_its_ping_answers_and_is_ended_with_its_children(
    tmp_path: Path,
) -> None:
    port, log = free_port(), tmp_path / "log"
    plan = Plan([sys.executable, "-c", PARENT, str(port)], {}, port, "/predict", ping="/")
    with running(plan, log, b"picture", tmp_path) as server:
        assert server.ready_s > 0
        assert server.pss_mib() > 1
        assert server.post(b"picture")[0] == 501
        child = psutil.Process(int(log.read_text().split()[0]))
        family = [server.process, child]
    assert not any(one.is_running() for one in family)


def test_a_server_that_ends_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no model there'); raise SystemExit(3)"]
    plan = Plan(command, {}, free_port(), "/predict")
    with (
        pytest.raises(ServerError, match=r"code 3(.|\n)*no model there"),
        running(plan, tmp_path / "log", b"picture", tmp_path),
    ):
        pass
