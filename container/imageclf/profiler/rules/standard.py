"""The rules of `profile=on`: all of them, with figures for trainings of minutes as well as days."""

from imageclf.rules.configuration import RuleConfiguration

_STANDARD: dict[str, dict[str, str]] = {
    "StepOutlier": {"n_outliers": "4", "patience": "50", "min_share": "5"},
    "LowGPUUtilization": {"patience": "80", "window": "80", "min_windows": "20"},
    "BatchSize": {"patience": "80", "window": "80"},
    "CPUBottleneck": {"patience": "40"},
    "IOBottleneck": {"patience": "40"},
    "LoadBalancing": {"patience": "80"},
    "GPUMemoryIncrease": {"patience": "40", "window": "20", "only_steady": "True"},
    "Dataloader": {"min_data_wait": "10"},
    "MaxInitializationTime": {"threshold": "5"},
    "OverallSystemUsage": {},
    "OverallFrameworkMetrics": {},
    "LoaderStarvesModel": {},
    "SlowDisk": {},
    "CoresIdle": {},
    "Throttling": {},
    "MemoryGrowth": {},
    "SlowRank": {},
    "TinyBatch": {},
    "LongCheckpoints": {},
}


def configurations() -> tuple[RuleConfiguration, ...]:
    """Rules and parameters of `profile=on`."""
    return tuple(RuleConfiguration(name, name, dict(given)) for name, given in _STANDARD.items())
