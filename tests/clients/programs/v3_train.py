"""SDK v3: ModelTrainer trains with the image as it is, and with a script of one's own in it."""

import json
import logging
import sys

from sagemaker.core.shapes import MetricDefinition
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode, Tag

logging.basicConfig(level=logging.INFO, stream=sys.stdout)
told = json.loads(sys.argv[1])
usual = {
    "training_image": told["image"],
    "role": told["role"],
    "compute": Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
}

script = ModelTrainer(
    base_job_name="v3-script",
    source_code=SourceCode(source_dir=told["code"], entry_script="train.py"),
    hyperparameters={"lr": 0.1, "layers": [1, 2]},
    **usual,
)
script.train(wait=False)

trainer = ModelTrainer(
    base_job_name="v3-image",
    hyperparameters=told["hyperparameters"],
    tags=[Tag(key="team", value="ants")],
    **usual,
)
trainer.with_metric_definitions([MetricDefinition(**one) for one in told["metrics"]])
trainer.train([InputData(channel_name="training", data_source=told["pictures"])], logs=True)
script._latest_training_job.wait(logs=True)

job, other = trainer._latest_training_job, script._latest_training_job
answer = {
    "name": job.training_job_name,
    "status": job.training_job_status,
    "model": job.model_artifacts.s3_model_artifacts,
    "metrics": {one.metric_name: one.value for one in job.final_metric_data_list},
    "output": trainer.output_data,
    "script_status": other.training_job_status,
    "script_model": other.model_artifacts.s3_model_artifacts,
}
sys.stdout.write("\n" + json.dumps(answer) + "\n")
