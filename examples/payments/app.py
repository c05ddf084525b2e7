"""Payments: a Flask service whose config file is rendered from a Jinja2 template."""

import configparser
import os
import pathlib

from flask import Flask, jsonify

SETTINGS = pathlib.Path(__file__).parent / "settings.ini"


def load_settings(path=SETTINGS):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path)
    return parser


app = Flask(__name__)
settings = load_settings()


@app.get("/")
def index():
    return jsonify(
        service="payments",
        environment=os.environ.get("SLIPWAY_ENVIRONMENT", "here"),
        release=os.environ.get("SLIPWAY_RELEASE", "none"),
        currency=settings.get("payments", "currency", fallback="EUR"),
        provider=settings.get("payments", "provider", fallback="sandbox"),
    )


@app.get("/fee/<int:cents>")
def fee(cents):
    """A fee of 1.5 %, rounded up to the next cent."""
    return jsonify(cents=cents, fee=-(-cents * 15 // 1000))


@app.get("/healthz")
def healthz():
    return "ok"
