"""SDK v3: ScriptProcessor uploads a script and what it reads, runs it, and says where it wrote."""

import json
import sys

from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)

told = json.loads(sys.argv[1])
processor = ScriptProcessor(
    role=told["role"],
    image_uri=told["image"],
    command=["python3"],
    instance_count=1,
    instance_type="ml.m5.large",
)
words = ProcessingS3Input(
    s3_uri=told["words"],
    local_path="/opt/ml/processing/input/words",
    s3_data_type="S3Prefix",
    s3_input_mode="File",
)
count = ProcessingS3Output(
    s3_uri=f"s3://{told['bucket']}/v3-counted",
    local_path="/opt/ml/processing/output",
    s3_upload_mode="EndOfJob",
)
processor.run(
    code=told["code"],
    inputs=[ProcessingInput(input_name="words", s3_input=words)],
    outputs=[ProcessingOutput(output_name="count", s3_output=count)],
    arguments=["--fast"],
    wait=True,
    logs=True,
)
job = processor.latest_job.refresh()
answer = {
    "status": job.processing_job_status,
    "output": job.processing_output_config.outputs[0].s3_output.s3_uri,
}
sys.stdout.write("\n" + json.dumps(answer) + "\n")
