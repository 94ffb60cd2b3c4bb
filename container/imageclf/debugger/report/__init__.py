"""The debug report: one page that shows what the rules found and where it can be seen."""

from imageclf.debugger.report.page import write_debug_report

__all__ = ["write_debug_report"]
