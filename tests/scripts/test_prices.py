import pytest

from scripts import prices


def test_a_known_type_has_its_list_price_with_region_and_date() -> None:
    found = prices.price("ml.m5.xlarge")
    assert found is not None
    assert found.usd_an_hour == 0.23
    assert prices.REGION in found.origin
    assert prices.AS_OF in found.origin


def test_an_unknown_type_has_no_price_and_the_words_say_so() -> None:
    assert prices.price("ml.z9.huge") is None
    assert prices.hourly("ml.z9.huge", 2) == "price not known (2 x ml.z9.huge)"
    assert prices.for_seconds(90, "ml.z9.huge").startswith("price not known (90 s")


def test_ones_own_price_goes_before_the_table() -> None:
    own = {"ml.m5.xlarge": 0.1, "ml.z9.huge": 50.0}
    assert prices.hourly("ml.m5.xlarge", own=own) == (
        "0.1000 USD an hour (1 x ml.m5.xlarge, your price)"
    )
    assert prices.hourly("ml.z9.huge", 2, own=own).startswith("100.00 USD an hour")


def test_another_region_is_warned_of() -> None:
    assert "eu-west-1 may differ" in prices.hourly("ml.m5.xlarge", region="eu-west-1")


def test_a_job_costs_by_the_second_and_by_the_instance() -> None:
    assert prices.for_seconds(1800, "ml.p3.2xlarge", 2).startswith("3.83 USD (1800 s of 2 x")


@pytest.mark.parametrize(("memory_mb", "a_second"), [(1024, "0.000020"), (4096, "0.000080")])
def test_serverless_costs_by_its_memory(memory_mb: int, a_second: str) -> None:
    assert f"{a_second} USD a second" in prices.serverless(memory_mb)
