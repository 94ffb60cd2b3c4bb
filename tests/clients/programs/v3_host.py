"""SDK v3: a trained model is deployed, asked, changed and taken away, and transforms a folder."""

import json
import sys
from pathlib import Path

from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import ProductionVariant
from sagemaker.core.transformer import Transformer
from sagemaker.serve.model_builder import ModelBuilder

told = json.loads(sys.argv[1])
picture = Path(told["picture"]).read_bytes()


def ask(endpoint: Endpoint) -> list[str]:
    """The classes that a picture may show."""
    said = endpoint.invoke(body=picture, content_type="image/jpeg", accept="application/json")
    return [one["class"] for one in json.loads(said.body.read())["predictions"]]


job = TrainingJob.get(told["job"])
builder = ModelBuilder(
    s3_model_data_url=job.model_artifacts.s3_model_artifacts,
    image_uri=told["image"],
    role_arn=told["role"],
    env_vars=told["environment"],
    instance_type="ml.m5.large",
)
model = builder.build(model_name="v3-model")
transformer = Transformer(
    "v3-model", 1, "ml.m5.large", output_path=f"s3://{told['bucket']}/v3-transformed"
)
transformer.transform(told["pictures"], content_type="image/png", wait=False, logs=False)
endpoint = builder.deploy(endpoint_name="v3-endpoint", wait=False)
endpoint.wait_for_status("InService", poll=1)
answer = {"classes": ask(endpoint)}

EndpointConfig.create(
    endpoint_config_name="v3-second",
    production_variants=[
        ProductionVariant(
            variant_name="all",
            model_name="v3-model",
            initial_instance_count=1,
            instance_type="ml.m5.large",
        )
    ],
)
endpoint = Endpoint.get("v3-endpoint")
endpoint.endpoint_config_name = "v3-second"
endpoint.update()
endpoint.wait_for_status("InService", poll=1)
answer["config"] = Endpoint.get("v3-endpoint").endpoint_config_name
answer["classes_after"] = ask(endpoint)
answer["endpoints"] = [one.endpoint_name for one in Endpoint.get_all(name_contains="v3-")]

transformer.wait(logs=False)
answer["transformed"] = transformer.latest_transform_job.refresh().transform_job_status

endpoint.delete()
endpoint.wait_for_delete(poll=1)
Model.get("v3-model").delete()
answer["left"] = [one.model_name for one in Model.get_all(name_contains="v3-")]
sys.stdout.write("\n" + json.dumps(answer) + "\n")
