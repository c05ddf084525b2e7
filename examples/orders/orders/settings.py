"""Settings of the orders service. Everything that differs by environment comes from the environment."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("SLIPWAY_DATA", BASE_DIR))

SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-tests")
DEBUG = False
ALLOWED_HOSTS = [".localhost", "127.0.0.1", "testserver"]

INSTALLED_APPS = ["django.contrib.contenttypes", "shop"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "orders.urls"
WSGI_APPLICATION = "orders.wsgi.application"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "orders.sqlite3"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
