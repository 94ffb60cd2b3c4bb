"""What measures a training while it runs; the only room of the profiler with torch."""
