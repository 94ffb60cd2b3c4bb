"""What a training that profiles itself is told: what its machine costs, where its report goes.

Without the managed service's rules the report goes where that would have put it, which is where
people's scripts look for it: below `rule-output` of the job.
"""

from collections.abc import Mapping

from imageclf.contract import JOB_NAME_VARIABLE
from scripts import prices
from scripts.place import Place
from scripts.sections import Settings

PRICE, REPORTS = "IMAGECLF_DOLLARS_AN_HOUR", "IMAGECLF_REPORTS_S3"

OWN_NAME = f"{{{JOB_NAME_VARIABLE}}}"
"""In place of the name in an address: that of the job itself, which a search gives to its trials
later; the container puts it in (`imageclf.profiler.delivery`)."""

_OFF = ("", "off")


def environment(
    settings: Settings, place: Place, hyperparameters: Mapping[str, str], name: str
) -> dict[str, str]:
    """Variables for the training container of the job `name`, or of any job by `OWN_NAME`.

    There are none where no profile is asked for.

    On spot capacity the price is what an ordinary discount leaves of it.
    """
    if hyperparameters.get("profile", "") in _OFF:
        return {}
    found = {REPORTS: place.uri("jobs", name, "rule-output")}
    known = prices.price(settings.train.instance_type, place.region, settings.prices)
    if known is not None:
        share = prices.SPOT_SHARE if settings.train.spot else 1.0
        found[PRICE] = f"{known.usd_an_hour * share:.6g}"
    return found
