import json

from local_test.cloud.hosting.containers import ModelContainer
from local_test.cloud.hosting.deployment import Deployment, Variant, rescaled, retained

CONTAINER = ModelContainer("image", {"A": "1"}, "s3://b/m.tar.gz")
OLD = Deployment(
    "1",
    "old",
    (Variant("a", CONTAINER, 3, 0.5), Variant("b", CONTAINER, 1, 1.0)),
    capture={"InitialSamplingPercentage": 10},
)
NEW = Deployment("2", "new", (Variant("a", CONTAINER, 1, 1.0), Variant("c", CONTAINER, 2, 2.0)))


def counts(deployment: Deployment) -> list[tuple[str, int, float]]:
    return [(one.name, one.count, one.weight) for one in deployment.variants]


def test_a_deployment_survives_its_way_through_json() -> None:
    serverless = Variant("s", CONTAINER, 1, 1.0, serverless={"MaxConcurrency": 2})
    deployment = Deployment("3", "config", (*OLD.variants, serverless), asynchronous={"a": 1})
    assert Deployment.read(json.loads(json.dumps(deployment.written()))) == deployment
    assert serverless.most_requests == 2


def test_what_is_retained_is_that_of_variants_of_the_same_name() -> None:
    kept = retained(NEW, OLD, ())
    assert counts(kept) == [("a", 3, 0.5), ("c", 2, 2.0)]
    assert (kept.id, kept.config, kept.capture) == ("2", "new", OLD.capture)


def test_what_is_excluded_is_that_of_the_new_configuration() -> None:
    kept = retained(NEW, OLD, {"DesiredWeight", "DataCaptureConfig"})
    assert counts(kept) == [("a", 3, 1.0), ("c", 2, 2.0)]
    assert kept.capture is None


def test_scaling_changes_what_is_named_and_nothing_else() -> None:
    scaled = rescaled(OLD, {"b": {"DesiredInstanceCount": 4}, "a": {"DesiredWeight": 2}})
    assert counts(scaled) == [("a", 3, 2.0), ("b", 4, 1.0)]
    assert scaled.id == OLD.id
