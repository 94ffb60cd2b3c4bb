"""`imageclf analyze`: judges what a run left, its saved tensors and its profile."""

import argparse

from imageclf.debugger import analysis


def run(options: argparse.Namespace) -> int:
    """Judge as the command line says, and print a table; returns the exit code.

    Raises:
        ImageclfError: there is nothing to judge, or the options do not fit.
    """
    return analysis.run(options)
