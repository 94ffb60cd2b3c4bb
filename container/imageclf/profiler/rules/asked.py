"""Rules of the profiler as they are asked for; `imageclf.rules.asked` says how."""

from imageclf.profiler.rules import standard
from imageclf.profiler.rules.catalogue import CATALOGUE
from imageclf.rules.asked import STANDARD, Asking, as_list

__all__ = ["STANDARD", "as_list", "from_file", "from_list", "parse"]

_ASKING = Asking(CATALOGUE, standard.configurations())

parse, from_list, from_file = _ASKING.parse, _ASKING.from_list, _ASKING.from_file
