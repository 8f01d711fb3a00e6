"""Servers that one could write by hand instead, each a process of its own: no checks, no ids, nothing counted.

    python -m benchmarks.http_neighbours fastapi|aiohttp|aiohttp-single-row PORT MODEL.txt

FastAPI is tuned as far as it goes: uvloop and httptools, the body read without pydantic, orjson in and out, no access
log. Bare aiohttp is below everything that is made with aiohttp; `single-row` adds LightGBM's call for one row, as ours
has it.
"""

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np

from benchmarks.http_load import HOST
from scoreline.demo.flights import CATEGORICAL
from scoreline.features import Feature, FeatureSet
from scoreline.models.booster import LightGBMModel
from scoreline.models.model import Scores

Row = dict[str, Any]
Predict = Callable[[np.ndarray], Scores]


class ByHand:
    """Rows to a matrix, as one writes it."""

    def __init__(self, booster: lgb.Booster) -> None:
        levels = dict(zip(CATEGORICAL, booster.pandas_categorical, strict=True))
        codes = {name: {level: float(c) for c, level in enumerate(found)} for name, found in levels.items()}
        self._columns = [(name, codes.get(name)) for name in booster.feature_name()]

    def to_matrix(self, rows: Sequence[Row]) -> np.ndarray:
        nan, columns = math.nan, self._columns
        return np.array(
            [[row[n] if c is None else c.get(row[n], nan) for n, c in columns] for row in rows], dtype=np.float64
        )


def serve_fastapi(booster: lgb.Booster, port: int) -> None:
    import orjson
    import uvicorn
    from fastapi import FastAPI, Request, Response

    by_hand = ByHand(booster)
    app = FastAPI()

    async def predict(request: Request) -> Response:
        matrix = by_hand.to_matrix(orjson.loads(await request.body())["instances"])
        scores = booster.predict(matrix, num_threads=1)
        return Response(orjson.dumps({"predictions": scores.tolist()}), media_type="application/json")

    app.add_api_route("/predict", predict, methods=["POST"])
    uvicorn.run(app, host=HOST, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


def serve_aiohttp(booster: lgb.Booster, port: int, predict_matrix: Predict) -> None:
    import uvloop
    from aiohttp import web

    by_hand = ByHand(booster)

    async def predict(request: web.Request) -> web.Response:
        matrix = by_hand.to_matrix(msgspec.json.decode(await request.read())["instances"])
        body = msgspec.json.encode({"predictions": predict_matrix(matrix).tolist()})
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/predict", predict)
    web.run_app(app, host=HOST, port=port, access_log=None, print=None, loop=uvloop.new_event_loop())


def main(name: str, port: int, model: Path) -> None:
    text = model.read_text()
    booster = lgb.Booster(model_str=text)
    if name == "fastapi":
        serve_fastapi(booster, port)
    elif name == "aiohttp-single-row":
        features = FeatureSet(tuple(Feature(each) for each in booster.feature_name()))
        serve_aiohttp(booster, port, LightGBMModel(text, features).predict)
    else:
        serve_aiohttp(booster, port, lambda matrix: booster.predict(matrix, num_threads=1))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
