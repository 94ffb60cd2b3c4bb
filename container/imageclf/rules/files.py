"""Names of the files by which rules, the process that evaluates them and the training speak."""

from dataclasses import dataclass

STOP_FILE = "rule-stop.json"
"""File below `output` by which a rule asks the training to end; holds the reason."""


@dataclass(frozen=True)
class Files:
    """What the rules of one kind write into `output/data`, and where they are told what to do.

    Args:
        status: how each rule stands, shaped as the statuses of DescribeTrainingJob.
        findings: a line of JSON for each finding.
        report: the page, made at the end.
        rules: below `output`: the configurations that the live process is to evaluate.
    """

    status: str
    findings: str
    report: str
    rules: str


DEBUGGER = Files("rule_status.json", "findings.jsonl", "debug-report.html", "debug-rules.json")
PROFILER = Files(
    "profiler_rule_status.json",
    "profiler_findings.jsonl",
    "profiler-report.html",
    "profiler-rules.json",
)
