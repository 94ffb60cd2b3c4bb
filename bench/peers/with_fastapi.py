"""FastAPI under uvicorn: PIL, torchvision, torch, and a thread of its own for the model.

One thread and not Starlette's pool of forty: so many predictions at once, each with torch's
threads, would fight for the cores.
"""

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request

from bench.peers.network import Answer, Classifier


@asynccontextmanager
async def _model(app: FastAPI) -> AsyncIterator[None]:
    app.state.classify = Classifier(Path(os.environ["MODEL"]), int(os.environ["THREADS"]))
    with ThreadPoolExecutor(max_workers=1) as app.state.thread:
        yield


app = FastAPI(lifespan=_model)


@app.post("/predict")
async def predict(request: Request) -> Answer:
    """Classify the picture in the body."""
    picture = await request.body()
    state = request.app.state
    loop = asyncio.get_running_loop()
    answer: Answer = await loop.run_in_executor(state.thread, state.classify, picture)
    return answer


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    uvicorn.run(
        f"{__spec__.name}:app",
        port=options.port,
        workers=options.workers,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
