import os
from pathlib import Path

import pytest
import torch

from imageclf.config import parse
from imageclf.errors import DeviceError, SettingsError
from imageclf.training import hardware

X86 = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Some Xeon with avx512_bf16 in its name
flags\t\t: fpu sse sse2 avx2 avx512f avx512_vnni{flag}
vmx flags\t: vnmi avx512_bf16
"""
ARM = """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes asimddp sve{flag}
CPU implementer\t: 0x41
"""

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


@pytest.mark.parametrize(
    ("text", "flag", "expected"),
    [
        (X86, "", False),
        (X86, " avx512_bf16", True),
        (X86, " amx_bf16 amx_tile", True),
        (X86, " avx512_bf16x", False),
        (ARM, "", False),
        (ARM, " bf16 i8mm", True),
        ("", "", False),
    ],
)
def test_bf16_is_used_where_the_processor_computes_in_it(
    tmp_path: Path, text: str, flag: str, expected: bool
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(text.format(flag=flag))
    assert hardware._cpu_has_bf16(info) is expected


def test_where_there_is_no_cpuinfo_bf16_is_not_used(tmp_path: Path) -> None:
    assert not hardware._cpu_has_bf16(tmp_path / "cpuinfo")


@without_gpu
def test_device_cuda_without_a_gpu_is_refused() -> None:
    with pytest.raises(DeviceError, match="torch sees no GPU here; use an instance with a GPU, or"):
        hardware.choose(parse({"device": "cuda"}))


@without_gpu
@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_without_a_gpu_the_processor_is_used(device: str) -> None:
    chosen = hardware.choose(parse({"device": device}))
    assert chosen.device == torch.device("cpu")
    assert not chosen.is_cuda
    assert not chosen.machine.accelerator
    assert chosen.name.startswith("CPU, ")


@without_gpu
def test_fp16_on_the_processor_is_refused() -> None:
    with pytest.raises(SettingsError, match="fp16, which needs a GPU; use bf16 or fp32"):
        hardware.choose(parse({"precision": "fp16"}))


@without_gpu
def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = len(os.sched_getaffinity(0))
    threads = [hardware.choose(parse({}), 0, size).threads for size in (1, 2, 10_000)]
    assert threads == [cores, max(1, cores // 2), 1]


@without_gpu
@pytest.mark.parametrize(("said", "obeyed"), [("3", True), ("0", False), ("many", False)])
def test_a_number_of_threads_that_was_asked_for_is_kept(
    monkeypatch: pytest.MonkeyPatch, said: str, obeyed: bool
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    threads = hardware.choose(parse({})).threads
    assert threads == (3 if obeyed else len(os.sched_getaffinity(0)))


@without_gpu
def test_the_threads_are_set_for_the_process() -> None:
    before = torch.get_num_threads()
    chosen = hardware.choose(parse({}))
    try:
        hardware.prepare(chosen)
        assert torch.get_num_threads() == chosen.threads
    finally:
        torch.set_num_threads(before)


def test_each_precision_has_its_type() -> None:
    types = [hardware.compute_dtype(name) for name in ("fp32", "bf16", "fp16")]
    assert types == [torch.float32, torch.bfloat16, torch.float16]


def test_the_versions_that_decide_a_result_are_told() -> None:
    versions = hardware.versions()
    assert versions["torch"] == torch.__version__
    assert versions.keys() == {"imageclf", "python", "torch", "torchvision"}
