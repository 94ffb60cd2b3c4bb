"""S3's REST protocol over `Objects`, for any S3 client."""
