"""SageMaker's contracts of hosting, held against any server by its address."""
