"""What the local cloud costs beside the jobs and servers that it runs."""
