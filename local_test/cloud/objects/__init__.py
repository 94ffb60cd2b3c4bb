"""S3, as far as it is objects in buckets: files on disk that jobs read without a network."""
