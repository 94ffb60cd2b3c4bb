"""The errors that a user of the image can meet.

    ImageclfError
    ├── SettingsError        a hyperparameter or setting is unknown, malformed or out of bounds
    ├── DataError            the data set cannot be trained on
    │   ├── ImageError       one file or request body is not a usable image
    │   ├── DownloadError    a download broke off or is not what was asked for
    │   └── ArchiveError     an archive is damaged or not safe to unpack
    ├── WeightsError         pretrained weights are absent or do not fit
    ├── ArtifactError        a model folder is incomplete or does not fit this version
    ├── CheckpointError      a checkpoint cannot be written or read
    ├── DeviceError          the accelerator that is there cannot be used
    ├── TrainingError        training cannot go on (a loss that is not a number)
    ├── ReportError          a report cannot be read together or written
    ├── TensorsError         saved tensors cannot be read
    ├── ProfileError         a profile cannot be read
    ├── ActionError          what is to be done about a finding cannot be done
    ├── EndpointError        a server that is asked does not answer as it should
    ├── LaunchError          AWS refused what a launcher asked for, or what it started failed
    └── RequestError         a request to the server cannot be answered as it was sent
        ├── TooLargeError           more bytes, pixels or pictures than the settings allow
        ├── UnsupportedTypeError    the body is of a type that is not taken
        └── NotAcceptableError      none of the types asked for can be given

Each message is one sentence that says what is wrong and what to do. `exit_code` is what the
process ends with; `status` is what a server answers when the error came out of a request.
"""

from typing import ClassVar


class ImageclfError(Exception):
    """Base of all errors that the project raises on purpose."""

    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500


class SettingsError(ImageclfError):
    """A hyperparameter or setting is unknown, malformed or out of bounds."""

    exit_code: ClassVar[int] = 2
    status: ClassVar[int] = 400


class DataError(ImageclfError):
    """The data set cannot be trained on."""

    exit_code: ClassVar[int] = 3


class ImageError(DataError):
    """One file or request body is not a usable image.

    `reason` is a short stable word (``truncated``, ``not an image``, ...) to group by.
    """

    status: ClassVar[int] = 400

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class DownloadError(DataError):
    """A download broke off or is not what was asked for."""


class ArchiveError(DataError):
    """An archive is damaged or not safe to unpack."""


class WeightsError(ImageclfError):
    """Pretrained weights are absent or do not fit the architecture."""

    exit_code: ClassVar[int] = 4


class ArtifactError(ImageclfError):
    """A model folder is incomplete or does not fit this version."""

    exit_code: ClassVar[int] = 5


class CheckpointError(ImageclfError):
    """A checkpoint cannot be written or read."""

    exit_code: ClassVar[int] = 6


class DeviceError(ImageclfError):
    """The accelerator that is there cannot be used."""

    exit_code: ClassVar[int] = 7


class TrainingError(ImageclfError):
    """Training cannot go on."""

    exit_code: ClassVar[int] = 8


class ReportError(ImageclfError):
    """A report cannot be read together or written."""

    exit_code: ClassVar[int] = 9


class TensorsError(ImageclfError):
    """Saved tensors cannot be read."""

    exit_code: ClassVar[int] = 13


class ProfileError(ImageclfError):
    """A profile cannot be read."""

    exit_code: ClassVar[int] = 15


class ActionError(ImageclfError):
    """What is to be done about a finding cannot be done."""

    exit_code: ClassVar[int] = 14


class EndpointError(ImageclfError):
    """A server that is asked does not answer as it should."""

    exit_code: ClassVar[int] = 11


class LaunchError(ImageclfError):
    """AWS refused what a launcher asked for, or what it started failed."""

    exit_code: ClassVar[int] = 12


class RequestError(ImageclfError):
    """A request to the server cannot be answered as it was sent.

    `reason` is a short stable word (``bad-json``, ``too-many-images``, ...) for programs.
    """

    exit_code: ClassVar[int] = 10
    status: ClassVar[int] = 400

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class TooLargeError(RequestError):
    """More bytes, pixels or pictures than the settings allow."""

    status: ClassVar[int] = 413


class UnsupportedTypeError(RequestError):
    """The body is of a type that is not taken."""

    status: ClassVar[int] = 415


class NotAcceptableError(RequestError):
    """None of the types asked for can be given."""

    status: ClassVar[int] = 406
