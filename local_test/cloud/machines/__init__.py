"""What a job or a server runs in: a process with a private /opt/ml, or a container."""
