import asyncio
from pathlib import Path

from imageclf.serving.gateway.direct import Direct
from imageclf.serving.gateway.gate import Gate
from imageclf.serving.gateway.keeper import Keeper
from imageclf.serving.gateway.loading import Loader
from imageclf.serving.gateway.mms import Mms
from imageclf.serving.gateway.model import LoadError, Model
from imageclf.serving.gateway.ways import Ways
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.settings import Resolved

ONE = Resolved(workers=1, threads=1, batch_size=1, batch_wait_ms=0)


class FakeLoader(Loader):
    """Starts nothing: new processes answer at once, and the old ones take a moment to end."""

    def __init__(self) -> None:
        self.started = 0
        self.ending = asyncio.Event()
        self.ended = asyncio.Event()

    async def start(self, model: Model) -> None:
        self.started += 1
        model.key = f"m{self.started}"
        model.proved()
        self.ending.set()
        await self.ended.wait()


async def ignore(_model: Model, _error: LoadError) -> None: ...


def test_a_fault_while_a_model_is_healed_does_not_leave_it_unready(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)

    async def healed() -> tuple[bool, int]:
        loader = FakeLoader()
        keeper = Keeper(loader, Ways(Mms(run), Direct(run)), ONE, timeout_s=60, give_up=ignore)
        model = Model("model", "", Path(), Gate(1, 1), key="m0")
        keeper.heal(model, "its parent process ended")
        await loader.ending.wait()
        keeper.heal(model, "a worker died")
        assert not model.ready.is_set()
        loader.ended.set()
        assert model.healing is not None
        await model.healing
        return model.ready.is_set(), loader.started

    assert asyncio.run(healed()) == (True, 2)
