"""A trace that joins system, phases, readers and kernels on one time axis, for Perfetto."""
