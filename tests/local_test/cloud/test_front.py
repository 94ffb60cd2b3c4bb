import http.client
import json
import socket
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_test.cloud.wsgi import FORM
from tests.local_test.cloud.servers import CREDENTIALS, CloudServer, running_cloud

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [ALL]})
GROUP = "/aws/sagemaker/TrainingJobs"


def connect(server: CloudServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=30)


def ask(
    server: CloudServer, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, str]:
    connection = connect(server)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def signed(service: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/{service}/aws4_request, a=b"


def test_an_operation_that_is_not_done_says_so(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    with pytest.raises(ClientError, match="The local endpoint does not do this: ListNotebookInst"):
        client.list_notebook_instances()


def test_an_operation_that_there_is_none_of_is_unknown(cloud_server: CloudServer) -> None:
    headers = {"Authorization": signed("sagemaker"), "X-Amz-Target": "SageMaker.Guess"}
    status, text = ask(cloud_server, "POST", "/", headers, b"{}")
    assert status == 400
    assert json.loads(text)["__type"] == "UnknownOperationException"


def test_what_the_runtime_does_not_do_is_refused_in_its_own_words(
    cloud_server: CloudServer,
) -> None:
    client = cloud_server.client("sagemaker-runtime")
    with pytest.raises(ClientError, match="does not do this") as caught:
        client.invoke_endpoint_with_response_stream(EndpointName="a", Body=b"")
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_metrics_of_experiments_are_refused(cloud_server: CloudServer) -> None:
    headers = {"Authorization": signed("sagemaker")}
    status, text = ask(cloud_server, "PUT", "/BatchPutMetrics", headers, b"{}")
    assert status == 400
    assert "does not do this: PUT /BatchPutMetrics." in text


def test_a_body_that_would_fill_the_memory_is_refused(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker-runtime")
    with pytest.raises(ClientError, match="more than the 33,554,432 allowed"):
        client.invoke_endpoint(EndpointName="a", Body=bytes((32 << 20) + 1))


def test_only_programs_of_this_machine_are_answered(cloud_server: CloudServer) -> None:
    connection = connect(cloud_server)
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        connection.request("GET", "/", headers=headers)
        response = connection.getresponse()
        assert response.status == 403
        assert "The local cloud" in response.read().decode()
    connection.request("GET", "/_local_cloud", headers={"Origin": "http://localhost:8888"})
    assert connection.getresponse().status == 200
    connection.close()
    asked = {"Authorization": signed("iam"), "Origin": "http://localhost:8888"}
    form = b"Action=ListRoles&Version=2010-05-08"
    connection = connect(cloud_server)
    connection.request("POST", "/", form, {**asked, "Content-Type": FORM})
    response = connection.getresponse()
    assert response.status == 200
    assert response.getheader("Access-Control-Allow-Origin") is None
    connection.close()


def test_a_connection_serves_many_requests(cloud_server: CloudServer) -> None:
    connection = connect(cloud_server)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/_local_cloud")
        connection.getresponse().read()
        ports.add(connection.sock and connection.sock.getsockname())
    connection.close()
    assert len(ports) == 1


def test_a_client_that_asks_first_may_send_its_body(cloud_server: CloudServer) -> None:
    host, _, port = cloud_server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = (
            f"POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: {signed('sagemaker')}\r\n"
            "X-Amz-Target: SageMaker.Guess\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"{}")
        assert connection.recv(1024).startswith(b"HTTP/1.1 400")


def test_moto_shows_nothing_of_its_own(cloud_server: CloudServer) -> None:
    for path in ("/moto-api/reset", "/latest/meta-data/"):
        status, _ = ask(cloud_server, "POST", path, {"Authorization": signed("sts")})
        assert status == 404


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("iam", "get_context_keys_for_custom_policy", {"PolicyInputList": [POLICY]}),
        ("ecr", "get_download_url_for_layer", {"repositoryName": "a0", "layerDigest": "b"}),
        ("cloudwatch", "describe_anomaly_detectors", {}),
    ],
)
def test_what_moto_cannot_do_either_is_refused_in_words_that_the_client_reads(
    cloud_server: CloudServer, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="The local endpoint does not do this") as caught:
        getattr(cloud_server.client(service), operation)(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_the_account_has_a_bucket_and_a_role_from_the_beginning(
    cloud_server: CloudServer,
) -> None:
    assert cloud_server.client("sts").get_caller_identity()["Account"] == "123456789012"
    cloud_server.client("s3").head_bucket(Bucket="sagemaker-us-east-1-123456789012")
    role = cloud_server.client("iam").get_role(RoleName="imageclf-sagemaker")["Role"]
    assert role["Arn"] == "arn:aws:iam::123456789012:role/imageclf-sagemaker"


def test_what_was_made_elsewhere_survives_a_kill_and_a_restart(tmp_path: Path) -> None:
    with running_cloud(tmp_path / "root") as server:
        iam, logs = server.client("iam"), server.client("logs")
        iam.create_role(RoleName="train", AssumeRolePolicyDocument=POLICY)
        iam.put_role_policy(RoleName="train", PolicyName="all", PolicyDocument=POLICY)
        server.client("ecr").create_repository(repositoryName="imageclf")
        server.cloud.logs.put(GROUP, "job/algo-1", [(1_000, "a"), (2_000, "b")])
        server.cloud.logs.put("/gone", "stream", [(1_000, "a")])
        logs.put_retention_policy(logGroupName=GROUP, retentionInDays=7)
        logs.delete_log_group(logGroupName="/gone")
        server.kill()
        server.start()
        assert iam.get_role_policy(RoleName="train", PolicyName="all")["PolicyName"] == "all"
        assert server.client("ecr").describe_repositories()["repositories"]
        groups = logs.describe_log_groups()["logGroups"]
        assert [(one["logGroupName"], one["retentionInDays"]) for one in groups] == [(GROUP, 7)]
        events = logs.get_log_events(
            logGroupName=GROUP, logStreamName="job/algo-1", startFromHead=True
        )
        assert [event["message"] for event in events["events"]] == ["a", "b"]


def test_logs_are_read_on_from_where_one_was(cloud_server: CloudServer) -> None:
    logs = cloud_server.client("logs")
    cloud_server.cloud.logs.put(GROUP, "read/algo-1", [(1_000, "epoch 1"), (2_000, "epoch 2")])
    where = {"logGroupName": GROUP, "logStreamName": "read/algo-1", "startFromHead": True}
    streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="read/")
    assert [stream["logStreamName"] for stream in streams["logStreams"]] == ["read/algo-1"]
    first = logs.get_log_events(**where)
    cloud_server.cloud.logs.put(GROUP, "read/algo-1", [(3_000, "epoch 3")])
    second = logs.get_log_events(**where, nextToken=first["nextForwardToken"])
    assert [event["message"] for event in second["events"]] == ["epoch 3"]
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern='"epoch 2"')
    assert [event["message"] for event in found["events"]] == ["epoch 2"]


def test_metrics_can_be_asked_for(cloud_server: CloudServer) -> None:
    now_s = time.time()
    dimensions = {"TrainingJobName": "a"}
    for value in (1.0, 3.0):
        cloud_server.cloud.metrics.put("/jobs", "loss", value, now_s - 30, dimensions)
    found = cloud_server.client("cloudwatch").get_metric_statistics(
        Namespace="/jobs",
        MetricName="loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": "a"}],
        StartTime=now_s - 3_600,
        EndTime=now_s + 60,
        Period=60,
        Statistics=["Average"],
    )
    assert [point["Average"] for point in found["Datapoints"]] == [2.0]


def test_a_client_of_another_region_is_answered_for_that_region(
    cloud_server: CloudServer,
) -> None:
    logs = boto3.client(
        "logs", endpoint_url=cloud_server.address, region_name="eu-west-1", **CREDENTIALS
    )
    cloud_server.cloud.logs.put("/elsewhere", "stream", [(1_000, "a")])
    groups = logs.describe_log_groups(logGroupNamePrefix="/elsewhere")["logGroups"]
    assert "eu-west-1" in groups[0]["arn"]
