"""Train and serve an image classifier in one container image, on SageMaker or on a laptop."""

__version__ = "0.1.0"
