"""From settings to API requests and SDK arguments, as plain values: no boto3, no network."""
