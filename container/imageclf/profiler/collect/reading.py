"""What reading a batch took, as a row of the profile; `imageclf.data.loading` measures it."""

from imageclf.data.loading import Read


def read_row(read: Read) -> tuple[float, ...]:
    """The columns `READ_COLUMNS` of one batch."""
    return (
        read.worker,
        read.threads,
        read.images,
        read.took_ns / 1e6,
        read.fetch_ns / 1e6,
        read.view_ns / 1e6,
    )
