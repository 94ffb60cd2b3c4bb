"""SDK v2: Estimator trains on spot with its log on the terminal, is deployed and asked."""

import json
import sys
from pathlib import Path
from typing import Any

from sagemaker.base_deserializers import JSONDeserializer
from sagemaker.base_serializers import DataSerializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.session import Session

told = json.loads(sys.argv[1])
picture = Path(told["picture"]).read_bytes()
session = Session()
estimator: Any = Estimator(
    told["image"],
    instance_count=1,
    instance_type="ml.m5.large",
    base_job_name="v2",
    hyperparameters=told["hyperparameters"],
    metric_definitions=told["metrics"],
    environment=told["environment"],
    use_spot_instances=True,
    max_run=600,
    max_wait=1200,
    checkpoint_s3_uri=f"s3://{session.default_bucket()}/v2/checkpoints",
    sagemaker_session=session,
)
pictures = session.upload_data(told["pictures"], key_prefix="v2/pictures")
estimator.fit({"training": TrainingInput(pictures, input_mode="FastFile")}, logs="All")
table = estimator.training_job_analytics.dataframe()
predictor = estimator.deploy(
    1,
    "ml.m5.large",
    serializer=DataSerializer("image/jpeg"),
    deserializer=JSONDeserializer(),
)
answer = {
    "name": estimator.latest_training_job.name,
    "metrics": sorted(set(table["metric_name"])),
    "checkpoints": session.list_s3_files(session.default_bucket(), "v2/checkpoints"),
    "classes": [one["class"] for one in predictor.predict(picture)["predictions"]],
}
predictor.delete_model()
predictor.delete_endpoint()
sys.stdout.write("\n" + json.dumps(answer) + "\n")
