"""Names that collectors, rules, advice and report agree on: files, columns, phases.

Times are nanoseconds of the monotonic clock of a machine, which all of its processes share and
which nobody sets; each file also holds one reading of the wall clock, to join machines. Shares and
utilisations are per cent, rates MiB per second. NaN stands for what is not known.
"""

from imageclf.rules.files import PROFILER

FOLDER = "profiler"
"""Folder below `output` where profiles lie, unless `profilerconfig.json` names another."""

REPORT = PROFILER.report
REPORTS = "profiler-reports"
"""Folder beside the page with a JSON file for each rule."""

END_OF_JOB = "profile_end.json"
"""File in the folder of a profile that says that nothing more will come."""

MACHINE = "machine.json"
"""What the machine can do and what the model asks of it, measured by the first process."""

SYSTEM, STEPS, READS, SPANS, WORKERS, KERNELS = (
    "system",
    "steps",
    "reads",
    "spans",
    "workers",
    "kernels",
)
"""Folders: samples of each host, steps, reads of batches, spans and facts of each process, and
traces of windows of steps. A file is named `HOST` or `HOST-RANK`."""

FAULTS = "faults"
"""Folder of small texts: why a collector recorded less, or ended."""

AT = "at_ns"
"""Column of every table: when the row's time began."""

# Columns of SYSTEM, beside `cpu0` and so on for each core, and those of each GPU (`gpu_column`).
CPU = "cpu"
"""Mean of the cores, or of what the container may use of them; waiting for disks is not work."""
IO_WAIT = "io_wait"
LOAD = "load"
MEMORY = "memory"
MEMORY_MIB = "memory_mib"
DISK_READ, DISK_WRITE = "disk_read_mib_s", "disk_write_mib_s"
NET_IN, NET_OUT = "net_in_mib_s", "net_out_mib_s"
THROTTLED = "throttled"
"""Share of the time in which the container was kept from its cores."""
OWN_CPU = "own_cpu"
"""What the training's processes use, their readers too: 100 is one core."""
OWN_MEMORY_MIB = "own_memory_mib"

SYSTEM_COLUMNS = (
    CPU,
    IO_WAIT,
    LOAD,
    MEMORY,
    MEMORY_MIB,
    DISK_READ,
    DISK_WRITE,
    NET_IN,
    NET_OUT,
    THROTTLED,
    OWN_CPU,
    OWN_MEMORY_MIB,
)

GPU_UTILIZATION, GPU_MEMORY = "utilization", "memory"
GPU_COLUMNS = (
    GPU_UTILIZATION,
    GPU_MEMORY,
    "memory_mib",
    "power_w",
    "temperature_c",
    "sm_clock_mhz",
    "memory_clock_mhz",
)


def core_column(core: int) -> str:
    """Utilisation of one core."""
    return f"cpu{core}"


def gpu_column(gpu: int, column: str) -> str:
    """A column of one GPU, as in `gpu0_utilization`."""
    return f"gpu{gpu}_{column}"


# Columns of STEPS.
STEP, EPOCH, MODE, IMAGES = "step", "epoch", "mode", "images"
TOOK = "took_ms"
"""From the end of the step before to this one's end: all phases together."""

TRAIN, EVAL = 1, 2
"""Modes; `step` counts within each, from 0."""

DATA, COPY, FORWARD, BACKWARD, OPTIMISER, HOOK, OTHER = PHASES = (
    "data",
    "copy",
    "forward",
    "backward",
    "optimiser",
    "hook",
    "other",
)
"""Waiting for the batch; bringing it to the device; loss included in forward; what the debugger's
hook adds by itself; the rest."""


def host_column(phase: str) -> str:
    """Time in which the process was in a phase, milliseconds."""
    return f"{phase}_ms"


def device_column(phase: str) -> str:
    """Time that the GPU spent on a phase, milliseconds; NaN without a GPU."""
    return f"{phase}_device_ms"


DEVICE_PHASES = (COPY, FORWARD, BACKWARD, OPTIMISER)

STEP_COLUMNS = (
    STEP,
    EPOCH,
    MODE,
    IMAGES,
    TOOK,
    *map(host_column, PHASES),
    *map(device_column, DEVICE_PHASES),
)

# Columns of READS: one row for each batch that was read.
WORKER = "worker"
"""Number of the reading process; -1 when threads of the training process read."""
THREADS = "threads"
FETCH, DECODE = "fetch_ms", "decode_ms"
"""Reading files, and making views of them; summed over the batch's pictures, of all threads."""

READ_COLUMNS = (WORKER, THREADS, IMAGES, TOOK, FETCH, DECODE)

# Names of spans.
INITIALISATION, TRAINING_LOOP, FINALISATION = "initialisation", "training loop", "finalisation"
CHECKPOINT, EVALUATION = "checkpoint", "evaluation"
