"""What the processes that are forked for trainings start with."""

from imageclf import startup

with startup.imports():
    import imageclf.training.program  # noqa: F401
