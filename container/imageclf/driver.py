"""The GPU driver of the host, and the CUDA compatibility libraries for an older one.

The CUDA that torch was built for wants a driver branch of its own age (580 for CUDA 13). On older
ones NVIDIA's forward-compatibility libraries help: for the branches it names, on data-centre GPUs,
when their folder leads `LD_LIBRARY_PATH` before the process loads libcuda. Nobody mounts them into
a container since NVIDIA Container Toolkit 1.17.4, so the program looks, and starts itself anew with
the folder in front.

Sources: https://docs.nvidia.com/deploy/cuda-compatibility/forward-compatibility.html,
https://docs.nvidia.com/datacenter/tesla/drivers/supported-drivers-and-cuda-toolkit-versions.html
and, for the branches, `NVIDIA_REQUIRE_CUDA` of the nvidia/cuda:13.0.3 images.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imageclf.errors import DeviceError

NATIVE_BRANCH = {11: 450, 12: 525, 13: 580}
"""Oldest driver branch that runs each CUDA major release without help."""

FORWARD_BRANCHES = {13: frozenset({535, 550, 565, 570, 575})}
"""Older branches that NVIDIA's compatibility libraries of a CUDA major release support."""

NOT_DATA_CENTRE = ("GeForce", "TITAN")
"""In the names of GPUs that the compatibility libraries refuse."""

COMPAT_FOLDER = Path("/usr/local/cuda/compat")
REENTRY_VARIABLE = "IMAGECLF_CUDA_COMPAT"
LIBRARY_VARIABLE = "LD_LIBRARY_PATH"
NEWER_DRIVER = (
    "choose a newer host (InferenceAmiVersion of an endpoint's variant, TransformAmiVersion of a "
    "transform job, a newer instance type), or build the image with a torch for an older CUDA"
)


@dataclass(frozen=True)
class Host:
    """What is known of GPU and driver before torch is loaded."""

    driver: str | None = None  # "535.183.01"
    gpus: tuple[str, ...] = ()  # models, "NVIDIA A10G"
    visible: bool = False  # GPU device files are in this container
    compat: str | None = None  # version of the compatibility libraries' libcuda
    cuda: str | None = None  # CUDA that torch was built for; None for a CPU build

    @property
    def found(self) -> str:
        gpus = ", ".join(sorted(set(self.gpus))) or "a GPU of unknown model"
        return f"driver {self.driver or 'unknown'} on {gpus}"


@dataclass(frozen=True)
class Decision:
    """How to go on: `library_path` is the LD_LIBRARY_PATH to start anew with, None is as it is."""

    message: str
    library_path: str | None = None


def inspect(root: Path = Path("/"), cuda: str | None = None) -> Host:
    """Read the host's driver and GPUs below `root`; absent files leave their field empty."""
    return Host(_driver(root), _gpus(root), _gpu_files(root), _compat(root), cuda)


def decide(host: Host, environment: Mapping[str, str]) -> Decision:
    """Choose whether the compatibility libraries are needed; pure.

    Raises:
        DeviceError: the driver is too old for torch's CUDA, even with these libraries.
    """
    if not host.visible:
        return Decision(_without_gpu(host))
    if host.cuda is None or host.driver is None:
        return Decision(f"GPU: {host.found}; torch: CUDA {host.cuda or 'not built in'}.")
    facts = f"GPU: {host.found}; torch: CUDA {host.cuda}"
    major, branch = _major(host.cuda), _major(host.driver)
    needed = NATIVE_BRANCH.get(major, max(NATIVE_BRANCH.values()))
    if branch >= needed:
        return Decision(f"{facts}; the compatibility libraries are not needed.")
    fault = _fault(host, branch, FORWARD_BRANCHES.get(major, frozenset()))
    if fault:
        raise DeviceError(
            f"Found {host.found}, but torch's CUDA {host.cuda} needs driver {needed} or newer, "
            f"and {fault}: {NEWER_DRIVER}."
        )
    path = _with_compat(environment.get(LIBRARY_VARIABLE, ""))
    return Decision(f"{facts}; CUDA compatibility libraries {host.compat} are in use.", path)


def prepare(
    environment: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
    cuda: Callable[[], str | None] | None = None,
) -> Decision:
    """Inspect the host below `root` and decide; `cuda` tells what torch was built for.

    Raises:
        DeviceError: the driver is too old, or starting anew did not bring the libraries in.
    """
    decision = decide(inspect(root, (cuda or torch_cuda)()), environment)
    if decision.library_path and REENTRY_VARIABLE in environment:
        raise DeviceError(
            f"{LIBRARY_VARIABLE} lost {COMPAT_FOLDER} when the program started anew: start the "
            f"container with {LIBRARY_VARIABLE}={COMPAT_FOLDER}."
        )
    return decision


def enter(
    environment: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
    arguments: Sequence[str] = tuple(sys.orig_argv),
) -> str:
    """Start the running program anew, as the same process, when the driver needs it.

    To be called before anything loads torch. Returns the sentence for the log in the process that
    goes on; in the other it does not return.

    Raises:
        DeviceError: see `prepare`.
    """
    decision = prepare(environment, root)
    if decision.library_path is not None:
        changes = {LIBRARY_VARIABLE: decision.library_path, REENTRY_VARIABLE: "1"}
        sys.stdout.flush()
        os.execve(sys.executable, list(arguments), {**environment, **changes})  # noqa: S606
    return decision.message


def require_gpu_or_explain(
    device: str,
    *,
    available: bool,
    cuda: str | None,
    environment: Mapping[str, str] = os.environ,
    root: Path = Path("/"),
) -> None:
    """Hold torch's facts against the machine's: a GPU that is there is used, or the job stops.

    Args:
        device: the hyperparameter, `auto`, `cpu` or `cuda`.
        available: what `torch.cuda.is_available()` says.
        cuda: `torch.version.cuda`, None for a CPU build.
        environment: where `CUDA_VISIBLE_DEVICES` may hide the GPUs on purpose.
        root: below it lie /dev and /proc.

    Raises:
        DeviceError: a GPU is there or was asked for, and torch cannot use one.
    """
    if device == "cpu" or available:
        return
    hidden = environment.get("CUDA_VISIBLE_DEVICES", "all") in {"", "-1"}
    if _gpu_files(root) and not hidden:
        reason = f"torch's CUDA {cuda} cannot use it" if cuda else "torch is a CPU build"
        remedy = NEWER_DRIVER if cuda else "use the image on its CUDA base"
        raise DeviceError(
            f"Found {inspect(root).found}, but {reason}: {remedy}, or set device=cpu to go on "
            "without it."
        )
    if device == "cuda":
        raise DeviceError(
            "Hyperparameter device is 'cuda', but no GPU is visible here: choose an instance with "
            "a GPU (docker run --gpus all on a machine of your own), or set device=auto."
        )


def torch_cuda() -> str | None:
    """CUDA that the installed torch was built for ("13.0"), read without importing it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    text = (Path(spec.origin).parent / "version.py").read_text()
    found = re.search(r"^cuda\b.*=\s*'([0-9.]+)'", text, re.MULTILINE)
    return found.group(1) if found else None


def _without_gpu(host: Host) -> str:
    if host.driver is None:
        return "No GPU is visible."
    return (
        f"No GPU is visible, though the host has NVIDIA driver {host.driver}; "
        "docker run --gpus all hands its GPUs over."
    )


def _fault(host: Host, branch: int, supported: frozenset[int]) -> str | None:
    """Why the compatibility libraries cannot help, as a clause."""
    if branch not in supported:
        known = ", ".join(map(str, sorted(supported))) or "none"
        return f"of the older ones the compatibility libraries support {known}"
    refused = [gpu for gpu in host.gpus if any(word in gpu for word in NOT_DATA_CENTRE)]
    if refused:
        return f"the compatibility libraries refuse {refused[0]}, which is no data-centre GPU"
    if host.compat is None:
        return f"the image holds no compatibility libraries in {COMPAT_FOLDER}"
    return None


def _with_compat(library_path: str) -> str | None:
    """`library_path` with the compatibility folder in front; None when it is in there."""
    folders = [folder for folder in library_path.split(":") if folder]
    if str(COMPAT_FOLDER) in folders:
        return None
    return ":".join([str(COMPAT_FOLDER), *folders])


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _driver(root: Path) -> str | None:
    found = re.search(r"Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s", _read(root, "version"))
    return found.group(1) if found else None


def _gpus(root: Path) -> tuple[str, ...]:
    folders = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    lines = "".join(_read(root, f"gpus/{file.parent.name}/information") for file in folders)
    return tuple(re.findall(r"^Model:\s*(.+?)\s*$", lines, re.MULTILINE))


def _gpu_files(root: Path) -> bool:
    """/proc shows the host's driver in every container; the device files only where a GPU is."""
    return any(re.fullmatch(r"nvidia\d+", file.name) for file in (root / "dev").glob("nvidia*"))


def _compat(root: Path) -> str | None:
    folder = root / COMPAT_FOLDER.relative_to("/")
    names = (file.name for file in folder.glob("libcuda.so.*.*"))
    versions = [name.removeprefix("libcuda.so.") for name in names]
    return max(versions, key=lambda text: [int(part) for part in text.split(".")], default=None)


def _read(root: Path, name: str) -> str:
    try:
        return (root / "proc/driver/nvidia" / name).read_text(errors="replace")
    except OSError:
        return ""
