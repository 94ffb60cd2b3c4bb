"""The parts of `python -m bench.serve`."""
