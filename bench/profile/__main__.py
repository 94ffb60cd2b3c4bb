"""What the profiler costs, what it finds, how good its advice is, how soon its page opens.

python -m bench.profile [cost|planted|advice|page|recorded] [options]
"""

import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = ("cost", "planted", "advice", "page", "recorded")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named bench with what is left of the arguments; `cost` when none is named."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = given.pop(0) if given and not given[0].startswith("-") else COMMANDS[0]
    if named not in COMMANDS:
        print(f"There is no {named!r}; there are {', '.join(COMMANDS)}.", file=sys.stderr)
        return 2
    code: int = import_module(f"bench.profile.{named}").main(given)
    return code


if __name__ == "__main__":
    sys.exit(main())
