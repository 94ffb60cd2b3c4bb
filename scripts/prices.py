"""What instances cost: a small table of list prices, with its date, for a first idea of the bill.

On-demand prices of SageMaker's training, batch transform and real-time hosting in us-east-1, which
are the same for all three. Storage, traffic, spot discounts and savings plans are not in them. The
figures were gathered from public lists of 2024 and 2025 and not from AWS's own page, some of the g5
and g6 types from one list only; the serverless rate stood in none. The bill is what counts; one's
own prices come from the settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass

AS_OF = "2025"
REGION = "us-east-1"

SPOT_SHARE = 0.3
"""What spot capacity costs of the price, with an ordinary discount; the market's may be another."""

_SECONDS_AN_HOUR = 3600
_SERVERLESS_USD_A_GB_SECOND = 0.00002
_MB_A_GB = 1024

_USD_AN_HOUR: Mapping[str, float] = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.12xlarge": 2.765,
    "ml.m5.24xlarge": 5.53,
    "ml.c5.large": 0.102,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
    "ml.c5.4xlarge": 0.816,
    "ml.c5.9xlarge": 1.836,
    "ml.c5.18xlarge": 3.672,
    "ml.g4dn.xlarge": 0.736,
    "ml.g4dn.2xlarge": 0.94,
    "ml.g4dn.4xlarge": 1.505,
    "ml.g4dn.8xlarge": 2.72,
    "ml.g4dn.12xlarge": 4.89,
    "ml.g4dn.16xlarge": 5.44,
    "ml.g5.xlarge": 1.408,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.4xlarge": 2.03,
    "ml.g5.12xlarge": 7.09,
    "ml.g5.16xlarge": 5.12,
    "ml.g5.24xlarge": 10.18,
    "ml.g5.48xlarge": 20.36,
    "ml.g6.2xlarge": 1.222,
    "ml.g6.12xlarge": 5.752,
    "ml.g6.16xlarge": 4.246,
    "ml.g6.24xlarge": 8.344,
    "ml.p3.2xlarge": 3.825,
    "ml.p3.8xlarge": 14.688,
    "ml.p3.16xlarge": 28.152,
}

_NO_PRICES: Mapping[str, float] = {}


@dataclass(frozen=True)
class Price:
    """What one instance of a type costs an hour in US dollars, and where the figure is from."""

    instance_type: str
    usd_an_hour: float
    origin: str


def price(
    instance_type: str, region: str = REGION, own: Mapping[str, float] = _NO_PRICES
) -> Price | None:
    """The price of an instance of this type; None when it is not known.

    Args:
        region: where it runs; the table is of us-east-1, which the origin then says.
        own: prices an hour in US dollars by type, from the settings; they go first.
    """
    if instance_type in own:
        return Price(instance_type, own[instance_type], "your price")
    if instance_type not in _USD_AN_HOUR:
        return None
    elsewhere = "" if region == REGION else f", {region} may differ"
    origin = f"list price of {REGION} in {AS_OF}{elsewhere}"
    return Price(instance_type, _USD_AN_HOUR[instance_type], origin)


def hourly(
    instance_type: str,
    count: int = 1,
    region: str = REGION,
    own: Mapping[str, float] = _NO_PRICES,
) -> str:
    """In words, what `count` instances cost an hour for as long as they are there."""
    instances = f"{count} x {instance_type}"
    known = price(instance_type, region, own)
    if known is None:
        return f"price not known ({instances})"
    return f"{_usd(known.usd_an_hour * count)} an hour ({instances}, {known.origin})"


def for_seconds(
    seconds: float,
    instance_type: str,
    count: int = 1,
    region: str = REGION,
    own: Mapping[str, float] = _NO_PRICES,
) -> str:
    """In words, what `count` instances cost for `seconds` each."""
    known = price(instance_type, region, own)
    lasted = f"{seconds:.0f} s of {count} x {instance_type}"
    if known is None:
        return f"price not known ({lasted})"
    total = known.usd_an_hour * count * seconds / _SECONDS_AN_HOUR
    return f"{_usd(total)} ({lasted}, {known.origin})"


def serverless(memory_mb: int, region: str = REGION) -> str:
    """In words, what a serverless endpoint costs while it answers; idle, it costs nothing."""
    a_second = _SERVERLESS_USD_A_GB_SECOND * memory_mb / _MB_A_GB
    elsewhere = "" if region == REGION else f", {region} may differ"
    return (
        f"nothing while idle, {a_second:.6f} USD a second of answering ({memory_mb} MB, "
        f"list price of {REGION} in {AS_OF}{elsewhere})"
    )


def _usd(amount: float) -> str:
    return f"{amount:.2f} USD" if amount >= 1 else f"{amount:.4f} USD"
