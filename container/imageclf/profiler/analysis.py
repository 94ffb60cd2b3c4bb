"""`imageclf analyze` for profiles: the rules' verdict and the report, afterwards or live."""
