import pytest

from imageclf.errors import SettingsError
from imageclf.serving.settings import ServeSettings, names, variable

CHANGED: dict[str, str] = {
    "IMAGECLF_ENGINE": "torch",
    "IMAGECLF_PRECISION": "fp32",
    "IMAGECLF_WORKERS": "3",
    "IMAGECLF_THREADS": "2",
    "IMAGECLF_AT_ONCE": "5",
    "IMAGECLF_BATCH_SIZE": "8",
    "IMAGECLF_BATCH_WAIT_MS": "7.5",
    "IMAGECLF_QUEUE": "10",
    "IMAGECLF_TIMEOUT_S": "20.0",
    "IMAGECLF_MAX_BODY_MB": "6.0",
    "IMAGECLF_MAX_MEGAPIXELS": "20.0",
    "IMAGECLF_MAX_IMAGES": "4",
    "IMAGECLF_TOP_K": "3",
    "IMAGECLF_MODEL_NAME": "breeds",
    "IMAGECLF_MEMORY_MB": "4096",
    "IMAGECLF_MULTI_MODEL": "true",
    "IMAGECLF_HOST": "127.0.0.1",
    "IMAGECLF_PORT": "0",
}


def read(**environment: str) -> ServeSettings:
    return ServeSettings.from_environment(environment)


def fault(**environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(**environment)
    return str(caught.value)


def test_every_setting_is_read_from_its_variable() -> None:
    assert set(CHANGED) == set(names())
    given, default = read(**CHANGED), read()
    for field in ServeSettings.model_fields:
        assert getattr(given, field) != getattr(default, field), field
        assert str(getattr(given, field)).lower() == CHANGED[variable(field)]


def test_variables_of_others_are_none_of_our_business() -> None:
    assert read(PATH="/bin", SAGEMAKER_REGION="eu-west-1") == read()


def test_the_platform_has_names_of_its_own_and_ours_win() -> None:
    environment = {
        "SAGEMAKER_MODEL_SERVER_WORKERS": "2",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": "30",
        "SAGEMAKER_BIND_TO_PORT": "9999",
        "SAGEMAKER_MULTI_MODEL": "true",
    }
    given = read(**environment)
    assert (given.workers, given.timeout_s, given.port, given.multi_model) == (2, 30, 9999, True)
    assert read(**environment, IMAGECLF_WORKERS="5").workers == 5


def test_every_fault_is_named_in_one_message() -> None:
    said = fault(IMAGECLF_TOPK="3", IMAGECLF_QUEUE="many", IMAGECLF_TIMEOUT_S="0")
    assert "did you mean IMAGECLF_TOP_K?" in said
    assert "IMAGECLF_QUEUE is 'many'" in said
    assert "IMAGECLF_TIMEOUT_S is '0'" in said


def test_the_network_is_listened_to_unless_an_address_is_given() -> None:
    assert read().host == "0.0.0.0"  # noqa: S104  the contract
    assert read(IMAGECLF_HOST="127.0.0.1").host == "127.0.0.1"
    assert "IMAGECLF_HOST is 'localhost'" in fault(IMAGECLF_HOST="localhost")


def test_auto_leaves_the_choice_open() -> None:
    assert read(IMAGECLF_WORKERS="auto") == read()


@pytest.mark.parametrize(
    ("cores", "workers", "threads"), [(1, 1, 1), (2, 1, 2), (4, 1, 4), (8, 2, 4), (96, 24, 4)]
)
def test_there_are_never_more_threads_than_cores(cores: int, workers: int, threads: int) -> None:
    chosen = read().resolve(cores=cores, gpus=0)
    assert (chosen.workers, chosen.threads) == (workers, threads)
    assert (chosen.batch_size, chosen.batch_wait_ms) == (1, 0)


def test_threads_follow_the_workers_that_were_asked_for() -> None:
    chosen = read(IMAGECLF_WORKERS="2").resolve(cores=2, gpus=0)
    assert (chosen.workers, chosen.threads) == (2, 1)
    chosen = read(IMAGECLF_WORKERS="8").resolve(cores=2, gpus=0)
    assert (chosen.workers, chosen.threads) == (8, 1)


def test_a_gpu_gets_one_worker_and_batches() -> None:
    chosen = read().resolve(cores=16, gpus=2)
    assert (chosen.workers, chosen.batch_size, chosen.batch_wait_ms) == (2, 16, 5)


@pytest.mark.parametrize(("cores", "at_once", "width"), [(1, 2, 2), (2, 3, 3), (8, 3, 6)])
def test_a_worker_answers_several_requests_at_once(cores: int, at_once: int, width: int) -> None:
    chosen = read().resolve(cores=cores, gpus=0)
    assert (chosen.direct, chosen.at_once, chosen.width) == (True, at_once, width)


def test_batches_are_not_mixed_with_requests_at_once() -> None:
    for chosen in (
        read(IMAGECLF_BATCH_SIZE="4", IMAGECLF_AT_ONCE="3").resolve(cores=2, gpus=0),
        read(IMAGECLF_BATCH_SIZE="4").resolve(cores=2, gpus=1),
    ):
        assert (chosen.direct, chosen.at_once, chosen.width) == (False, 1, 8)


def test_one_at_a_time_finds_the_next_one_waiting() -> None:
    assert read(IMAGECLF_AT_ONCE="1").resolve(cores=2, gpus=0).width == 2
