import io
import os

import psutil
import pytest

from imageclf.serving import children
from imageclf.serving.children import Child


def test_it_ends_with_all_below_it() -> None:
    child = Child("parent", ["/bin/sh", "-c", "sleep 60 & wait"], dict(os.environ))
    child.start()
    process = psutil.Process(child.pid)
    while not (below := process.children()):
        pass
    child.kill()
    child.ended(os.waitpid(child.pid, 0)[1])
    assert child.code == -9
    psutil.wait_procs(below, timeout=10)
    assert not any(one.is_running() and one.status() != "zombie" for one in below)


def test_it_is_not_started_for_ever() -> None:
    child = Child("short", ["true"], dict(os.environ))
    for _ in range(children.RESTARTS + 1):
        assert child.may_restart
        child.start()
        child.ended(os.waitpid(child.pid, 0)[1])
    assert not child.may_restart


def test_what_is_no_json_becomes_a_line_that_is(capfd: pytest.CaptureFixture[str]) -> None:
    children._forward(io.BytesIO(b'{"a": 1}\n{not json\n\nplain \xff\n'))
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == '{"a": 1}'
    assert ['"{not json"' in lines[1], '"source": "mms"' in lines[2], len(lines)] == [True, True, 3]
