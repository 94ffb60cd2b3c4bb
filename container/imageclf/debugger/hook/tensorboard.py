"""Files for TensorBoard, as smdebug lays them out: curves of losses, histograms of the rest."""

from pathlib import Path

from imageclf.debugger.hook.foreign import FileWriter, get_tb_worker
from imageclf.debugger.hook.wire import Moment
from imageclf.debugger.statistics import Values
from imageclf.errors import TensorsError


def write(
    folder: Path, moment: Moment, curves: dict[str, Values], histograms: dict[str, Values]
) -> None:
    """Write one step below `folder`.

    Args:
        curves: one number each.
        histograms: values of each, or a sample of them, under their tags.

    Raises:
        TensorsError: the disk does not take it.
    """
    if not curves and not histograms:
        return
    try:
        with FileWriter(
            str(folder),
            worker=get_tb_worker(),
            step=max(moment.step, 0),
            wtype="tensorboard",
            mode=moment.mode,
            write_checksum=True,
        ) as writer:
            for name, value in curves.items():
                writer.write_scalar_summary(name, value, moment.step)
            for tag, values in histograms.items():
                writer.write_histogram_summary(values, tag, moment.step)
    except OSError as error:
        raise TensorsError(
            f"Cannot write TensorBoard's files into {folder} ({error.strerror}); make room there."
        ) from error
