"""All rules on profiles by name."""

from imageclf.profiler.recorded import Stretch
from imageclf.profiler.rules.balance import LoadBalancing
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.profiler.rules.cpu import CoresIdle, Throttling
from imageclf.profiler.rules.gpu_batch_size import BatchSize
from imageclf.profiler.rules.gpu_bottleneck import CPUBottleneck, IOBottleneck
from imageclf.profiler.rules.gpu_memory import GPUMemoryIncrease
from imageclf.profiler.rules.gpu_utilization import LowGPUUtilization
from imageclf.profiler.rules.memory_growth import MemoryGrowth
from imageclf.profiler.rules.pauses import LongCheckpoints
from imageclf.profiler.rules.ranks import SlowRank
from imageclf.profiler.rules.readers import Dataloader, LoaderStarvesModel, SlowDisk
from imageclf.profiler.rules.report_rule import RulesInside
from imageclf.profiler.rules.starting import MaxInitializationTime
from imageclf.profiler.rules.steps import StepOutlier
from imageclf.profiler.rules.tiny_batch import TinyBatch
from imageclf.profiler.rules.usage import OverallFrameworkMetrics, OverallSystemUsage
from imageclf.rules.catalogue import Catalogue
from imageclf.rules.configuration import RuleConfiguration

_ALL: tuple[type[ProfilerRule], ...] = (
    StepOutlier,
    LowGPUUtilization,
    BatchSize,
    CPUBottleneck,
    IOBottleneck,
    LoadBalancing,
    GPUMemoryIncrease,
    Dataloader,
    MaxInitializationTime,
    OverallSystemUsage,
    OverallFrameworkMetrics,
    LoaderStarvesModel,
    SlowDisk,
    CoresIdle,
    Throttling,
    MemoryGrowth,
    SlowRank,
    TinyBatch,
    LongCheckpoints,
)


class ProfilerReport(RulesInside):
    """Runs all of them."""

    others = Catalogue[Stretch](_ALL)


CATALOGUE = Catalogue[Stretch]((*_ALL, ProfilerReport))

RULES = CATALOGUE.rules
"""Each rule by its documented name (`rule_to_invoke`)."""

find, of = CATALOGUE.find, CATALOGUE.of


def make(configuration: RuleConfiguration) -> ProfilerRule:
    """The rule that is asked for.

    Raises:
        SettingsError: there is no such rule, or no such parameter.
    """
    made = CATALOGUE.make(configuration)
    assert isinstance(made, ProfilerRule)
    return made
