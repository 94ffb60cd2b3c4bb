"""What faces the network: readiness, limits, queue, time; multi-model-server predicts behind it."""

FATAL = 64
"""Added by the gateway to its exit code when a restart would not help."""
