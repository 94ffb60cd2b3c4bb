"""The set of rules for fine-tuning a pretrained classifier: quiet on a healthy run.

The documented defaults would call every fine-tuning ill; docs/rules.md says why each figure is what
it is.
"""

from imageclf.rules.configuration import RuleConfiguration


def configurations() -> tuple[RuleConfiguration, ...]:
    """Rules and parameters of `debug=standard`."""
    return tuple(
        RuleConfiguration(name, name, dict(given), optional=name in _OPTIONAL)
        for name, given in _STANDARD.items()
    )


_OPTIONAL = frozenset({"DeadRelu"})
"""A network without ReLUs has no dead ones, and that is no error."""


_STANDARD = {
    "Overfit": {"patience": "3", "ratio_threshold": "20"},
    "Overtraining": {"patience_train": "10", "patience_validation": "10"},
    "PoorWeightInitialization": {
        "threshold": "1e6",
        "distribution_range": "1e-9",
        "patience": "10",
    },
    "LossNotDecreasing": {
        "mode": "EVAL",
        "num_steps": "5",
        "diff_percent": "2",
        "increase_threshold_percent": "25",
    },
    "VanishingGradient": {"threshold": "1e-9"},
    "ExplodingTensor": {},
    "DeadRelu": {"threshold_layer": "95"},
    "ClassImbalance": {"threshold_misprediction": "1"},
    "CheckInputImages": {"threshold_mean": "2.7", "threshold_samples": "100"},
}
