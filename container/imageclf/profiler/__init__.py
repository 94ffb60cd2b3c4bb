"""Where the time of a training goes: collectors, rules, advice, report."""
