"""Answers `/invocations`: supervisor, gateway, workers of multi-model-server."""
