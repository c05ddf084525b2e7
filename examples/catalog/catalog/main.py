"""Catalog: a FastAPI service, locked by Poetry."""

import os

from fastapi import FastAPI, HTTPException

app = FastAPI(title="Catalog")

BOOKS = {
    1: {"title": "The Soul of a New Machine", "year": 1981},
    2: {"title": "The Mythical Man-Month", "year": 1975},
}


@app.get("/")
def index():
    return {
        "service": "catalog",
        "environment": os.environ.get("SLIPWAY_ENVIRONMENT", "here"),
        "release": os.environ.get("SLIPWAY_RELEASE", "none"),
        "books": len(BOOKS),
    }


@app.get("/books/{number}")
def book(number: int):
    if number not in BOOKS:
        raise HTTPException(404, "no such book")
    return BOOKS[number]


@app.get("/healthz")
def healthz():
    return {"status": "ok"}
