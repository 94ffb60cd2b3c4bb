"""How it was measured, and what is missing."""

from collections.abc import Mapping

from imageclf.profiler.recorded import Table
from imageclf.profiler.report.given import Given

_LONGEST = 80

_FACTS = (
    ("architecture", "network"),
    ("train", "layers trained"),
    ("precision", "precision"),
    ("device_name", "device"),
    ("instance_type", "instance"),
    ("cores", "cores"),
    ("threads", "threads"),
    ("workers", "reading processes"),
    ("batch_size", "batch size of a process"),
    ("global_batch_size", "batch size of all"),
    ("image_size", "picture size, px"),
    ("epochs", "epochs"),
    ("steps_per_epoch", "steps an epoch"),
    ("train_images", "training pictures"),
    ("dollars_an_hour", "dollars an hour"),
    ("interval_ms", "looked at the machine every, ms"),
)


def pairs(given: Given) -> list[tuple[str, str]]:
    """What was trained where, and how it was recorded."""
    known = [
        (word, str(given.facts[name])[:_LONGEST])
        for name, word in _FACTS
        if given.facts.get(name) not in (None, "")
    ]
    counts = [
        ("nodes sampled", len(given.whole.system)),
        ("samples", _rows(given.whole.system)),
        ("processes", len(given.workers)),
        ("training steps", _rows(given.training)),
        ("evaluation steps", _rows(given.evaluation)),
        ("batches read", _rows(given.whole.reads)),
        ("windows traced", len(given.kernels.windows) if given.kernels else 0),
    ]
    return [*known, *((word, f"{number:,}") for word, number in counts)]


def gaps(given: Given, ended: bool) -> list[str]:
    """Sentences on what is missing, each once."""
    found = [*given.gaps]
    if not ended:
        found.append(
            "The run did not say that it had ended; the page shows what was recorded until then."
        )
    if not given.whole.system:
        found.append("No samples of the machine were recorded.")
    if not given.training:
        found.append("No training steps were recorded.")
    if given.kernels:
        found += given.kernels.notes
    found += given.advised.gaps
    return list(dict.fromkeys(found))


def _rows(tables: Mapping[str, Table]) -> int:
    return sum(map(len, tables.values()))
