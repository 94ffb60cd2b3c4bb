"""SDK v3: why a training job failed, and that one which is stopped was."""

import json
import sys

from sagemaker.core.utils.exceptions import FailedStatusError
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode

told = json.loads(sys.argv[1])
answer = {}


def begun(name: str, command: str) -> ModelTrainer:
    """The trainer of a job that runs `command`."""
    trainer = ModelTrainer(
        base_job_name=name,
        training_image=told["image"],
        role=told["role"],
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
        source_code=SourceCode(command=command),
    )
    trainer.train(wait=False)
    return trainer


stopped = begun("v3-stopped", "sleep 600")._latest_training_job
failing = begun("v3-failing", "echo It ran out of pictures. > /opt/ml/output/failure; exit 3")
try:
    failing._latest_training_job.wait(poll=1)
except FailedStatusError as error:
    answer["reason"] = str(error)
stopped.stop()
stopped.wait(poll=1)
answer["stopped"] = stopped.training_job_status
sys.stdout.write("\n" + json.dumps(answer) + "\n")
