"""Names that hook, rules and report agree on: files, collections, tensors.

The collections and the tensors of a network are named as smdebug names them, so that whoever reads
its format finds what is expected there.
"""

from imageclf.rules.files import DEBUGGER

TENSORS = "tensors"
"""Folder below `output` where tensors are saved, unless `debughookconfig.json` names another."""

REPORT = DEBUGGER.report

END_OF_JOB = "training_job_end.ts"
"""File in the folder of tensors that says that nothing more will come; smdebug's name."""

WEIGHTS = "weights"
BIASES = "biases"
GRADIENTS = "gradients"
LOSSES = "losses"
RELU_OUTPUT = "relu_output"
RELU_INPUT = "relu_input"
SATURATING_INPUT = "saturating_input"
"""What goes into tanh and sigmoid layers."""
INPUTS = "inputs"
"""The batch of pictures as the network takes it."""
INPUT_SAMPLE = "input_sample"
"""A few small pictures as the network takes them, once, for the report; tensor and collection."""
LABELS = "labels"
PREDICTIONS = "predictions"
"""Predicted classes [B], not their scores."""

LOSS_TENSOR = "CrossEntropyLoss_output_0"
LABELS_TENSOR = "labels"
PREDICTIONS_TENSOR = "predictions"

STATISTIC_PREFIX = "smdebug/reductions/"
"""`smdebug/reductions/abs_mean/NAME` is the mean of the absolute values of tensor NAME."""
