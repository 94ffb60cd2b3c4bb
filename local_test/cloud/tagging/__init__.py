"""Tags of everything that SageMaker makes: by its own API, and by that of Resource Groups."""
