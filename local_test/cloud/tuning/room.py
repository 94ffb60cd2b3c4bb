"""What this room answers."""

from local_test.cloud.operations import Room
from local_test.cloud.tuning import handlers, tuners

ROOM = Room(
    {
        "CreateHyperParameterTuningJob": handlers.create,
        "DescribeHyperParameterTuningJob": handlers.describe,
        "ListHyperParameterTuningJobs": handlers.list_jobs,
        "ListTrainingJobsForHyperParameterTuningJob": handlers.list_training_jobs,
        "StopHyperParameterTuningJob": handlers.stop,
        "DeleteHyperParameterTuningJob": handlers.delete,
    },
    resume=tuners.resume,
    end=tuners.end,
)
