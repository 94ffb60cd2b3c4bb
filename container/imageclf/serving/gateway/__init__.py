"""What faces the network: readiness, limits, queue, time; multi-model-server predicts behind it."""
