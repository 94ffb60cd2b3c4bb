"""Rules carry the names, parameters and defaults that clients of SageMaker know."""

import pytest
from smdebug_rulesconfig.debugger_rules import builtin_rules  # type: ignore[import-untyped]

from imageclf.debugger.rules.catalogue import RULES, find

_OF_XGBOOST_AND_TEXT = {
    "TreeDepth",
    "NLPSequenceRatio",
    "FeatureImportanceOverweight",
    "CreateXgboostReport",
}

DOCUMENTED = {
    "VanishingGradient": {"threshold": "0.0000001"},
    "ExplodingTensor": {"collection_names": "None", "tensor_regex": "None", "only_nan": "False"},
    "DeadRelu": {
        "tensor_regex": ".*relu_output|.*ReLU_output",
        "threshold_inactivity": "1.0",
        "threshold_layer": "50.0",
    },
    "SaturatedActivation": {
        "collection_names": "None",
        "tensor_regex": ".*tanh_input|.*sigmoid_input",
        "threshold_tanh_min": "-9.4999",
        "threshold_tanh_max": "9.4999",
        "threshold_sigmoid_min": "-23",
        "threshold_sigmoid_max": "16.99999",
        "threshold_inactivity": "1.0",
        "threshold_layer": "50.0",
    },
    "PoorWeightInitialization": {
        "activation_inputs_regex": ".*relu_input|.*ReLU_input",
        "threshold": "10.0",
        "distribution_range": "0.001",
        "patience": "5",
        "steps": "10",
    },
    "WeightUpdateRatio": {
        "num_steps": "None",
        "large_threshold": "10.0",
        "small_threshold": "0.00000001",
        "epsilon": "0.000000001",
    },
    "AllZero": {"collection_names": "None", "tensor_regex": "None", "threshold": "100"},
    "UnchangedTensor": {
        "collection_names": "None",
        "tensor_regex": "None",
        "num_steps": "3",
        "rtol": "1e-05",
        "atol": "1e-08",
        "equal_nan": "False",
    },
    "TensorVariance": {
        "collection_names": "None",
        "tensor_regex": "None",
        "max_threshold": "None",
        "min_threshold": "None",
    },
    "SimilarAcrossRuns": {
        "other_trials": "None",
        "other_trial": "None",
        "collection_names": "None",
        "tensor_regex": "None",
    },
    "ClassImbalance": {
        "threshold_imbalance": "10",
        "threshold_misprediction": "0.7",
        "samples": "500",
        "argmax": "False",
        "labels_regex": ".*labels",
        "predictions_regex": ".*predictions",
    },
    "Confusion": {
        "category_no": "None",
        "min_diag": "0.9",
        "max_off_diag": "0.1",
        "labels": "labels",
        "predictions": "predictions",
    },
    "LossNotDecreasing": {
        "use_losses_collection": "True",
        "num_steps": "10",
        "diff_percent": "0.1",
        "increase_threshold_percent": "5",
        "mode": "GLOBAL",
    },
    "Overfit": {"start_step": "0", "patience": "1", "ratio_threshold": "0.1"},
    "Overtraining": {"patience_train": "5", "patience_validation": "10", "delta": "0.01"},
    "StalledTrainingRule": {"threshold": "1800", "stop_training_on_fire": "False"},
    "CheckInputImages": {"threshold_mean": "0.2", "threshold_samples": "500", "channel": "1"},
}
"""As in the developer guide, each value as a client sends it."""


@pytest.mark.parametrize("name", DOCUMENTED)
def test_parameters_have_their_documented_names_and_defaults(name: str) -> None:
    rule = RULES[name]

    assert rule.from_strings(DOCUMENTED[name]).parameters == rule().parameters


@pytest.mark.parametrize("name", [one for one in dir(builtin_rules) if one[0] != "_"])
def test_what_an_sdk_sends_for_a_rule_is_understood(name: str) -> None:
    configuration = getattr(builtin_rules, name)()["DebugRuleConfiguration"]
    given = dict(configuration["RuleParameters"])
    invoked = given.pop("rule_to_invoke")

    if invoked in _OF_XGBOOST_AND_TEXT:
        assert invoked not in RULES
    else:
        assert find(invoked).from_strings(given).name == find(name).name == invoked


@pytest.mark.parametrize("name", RULES)
def test_a_rule_without_tensors_says_what_it_misses_in_one_sentence(name: str) -> None:
    rule = RULES[name]()

    assert rule.looked == 0
    assert rule.missing() == "" or rule.missing().endswith(".")
