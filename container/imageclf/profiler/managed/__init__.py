"""The profiler files of the managed service, read without smdebug."""
