"""Traces of torch.profiler, read without torch."""
