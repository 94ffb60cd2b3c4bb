"""SDK v3: HyperparameterTuner finds the best of two training jobs."""

import json
import sys

from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.resources import TrainingJob
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute
from sagemaker.train.tuner import HyperparameterTuner

told = json.loads(sys.argv[1])
trainer = ModelTrainer(
    base_job_name="v3-tuned",
    training_image=told["image"],
    role=told["role"],
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
    environment=told["environment"],
    hyperparameters={"epochs": 2},
)
tuner = HyperparameterTuner(
    trainer,
    "objective",
    {"lr": ContinuousParameter(1e-4, 1e-1, "Logarithmic")},
    metric_definitions=told["metrics"],
    max_jobs=2,
    max_parallel_jobs=2,
    base_tuning_job_name="v3-tuner",
    random_seed=1,
)
tuner.tune(wait=False)
tuner.latest_tuning_job.wait(poll=1)
best = TrainingJob.get(tuner.best_training_job())
table = tuner.analytics().dataframe()
answer = {
    "status": tuner.describe().hyper_parameter_tuning_job_status,
    "best": tuner.best_training_job(),
    "best_is_of": best.tuning_job_arn.rpartition("/")[2],
    "name": tuner.latest_tuning_job.hyper_parameter_tuning_job_name,
    "values": dict(zip(table["TrainingJobName"], table["FinalObjectiveValue"], strict=True)),
}
sys.stdout.write("\n" + json.dumps(answer) + "\n")
