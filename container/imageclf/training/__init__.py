"""The training program: loop, checkpoints, stop signal, several processes."""
