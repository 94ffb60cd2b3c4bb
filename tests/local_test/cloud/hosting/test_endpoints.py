from tests.local_test.cloud.hosting.parts import ask, deploy, make_model, remove, variant
from tests.local_test.cloud.servers import CloudServer


def test_an_endpoint_answers_once_it_is_in_service(cloud_server: CloudServer) -> None:
    model = make_model(cloud_server)
    endpoint = deploy(cloud_server, variant(model))
    told = ask(cloud_server, endpoint)
    assert told["model"] == model
    remove(cloud_server, endpoint)
