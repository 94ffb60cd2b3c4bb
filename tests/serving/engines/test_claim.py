import os
from pathlib import Path

from imageclf.serving.engines.claim import Claim


def test_workers_take_one_gpu_each_and_then_share_them(tmp_path: Path) -> None:
    claims = [Claim(tmp_path, gpus=2) for _ in range(5)]
    assert [claim.gpu for claim in claims] == [0, 1, 0, 1, 0]


def test_a_gpu_is_free_again_when_its_worker_is_gone(tmp_path: Path) -> None:
    claims = [Claim(tmp_path, gpus=3) for _ in range(3)]
    claims[1].release()
    assert Claim(tmp_path, gpus=3).gpu == 1


def test_a_gpu_is_free_again_when_its_worker_was_killed(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        Claim(tmp_path, gpus=1)
        os.write(writer, b"held")
        os.kill(os.getpid(), 9)
    assert os.read(reader, 4) == b"held"
    os.waitpid(child, 0)
    kept = Claim(tmp_path, gpus=1)
    assert [path.name for path in tmp_path.iterdir()] == ["gpu-0-0.lock"]
    assert kept.gpu == 0
