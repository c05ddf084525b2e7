"""Collect a Django project's static files, and say who serves them where.

python -c CODE SETTINGS DIR SOURCE PLACE SERVES COLLECTED ANSWER

Writes one line of JSON to ANSWER.
"""

import json
import os
import sys
from urllib.parse import urlsplit

SETTINGS, DIR, SOURCE, PLACE, SERVES, COLLECTED, ANSWER = sys.argv[1:8]


def inside(path):
    """Whether path is a directory of its own in the source: no code lies below it."""
    path, source = os.path.realpath(path), os.path.realpath(SOURCE)
    if not path.startswith(source + os.sep):
        return False
    own = [os.path.realpath(DIR), os.path.realpath(os.getcwd())]
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    if getattr(module, "__file__", None):
        own.append(os.path.realpath(module.__file__))
    return not any((o + os.sep).startswith(path + os.sep) for o in own)


def backend(settings):
    """The class that keeps static files, its options, and how to move it."""
    from django.utils.module_loading import import_string

    storages = getattr(settings, "STORAGES", None)
    if isinstance(storages, dict) and "staticfiles" in storages:
        stated = storages["staticfiles"]
        options = dict(stated.get("OPTIONS") or {})

        def move(place):
            if "location" in options:
                options["location"] = place
                settings.STORAGES = dict(storages, staticfiles=dict(stated, OPTIONS=options))

        return import_string(stated["BACKEND"]), options, move
    return import_string(settings.STATICFILES_STORAGE), {}, lambda place: None


def serves(settings, root):
    """Whether the application serves them: why, or nothing."""
    if SERVES:
        return "the application serves them itself"
    for name in settings.MIDDLEWARE or ():
        if isinstance(name, str) and ("whitenoise" in name.lower() or "servestatic" in name.lower()):
            finders = getattr(settings, "WHITENOISE_USE_FINDERS", settings.DEBUG)
            if root or finders:
                return "%s of the application serves them" % name.rsplit(".", 1)[-1]
    return ""


def main():
    for path in (DIR, ""):
        if path not in sys.path:
            sys.path.insert(0, path)
    if SETTINGS:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    import django

    django.setup()
    from django.apps import apps
    from django.conf import settings

    if not apps.is_installed("django.contrib.staticfiles"):
        return {"left": "django.contrib.staticfiles is not installed in the settings"}
    url = str(settings.STATIC_URL or "")
    where = urlsplit(url)
    if where.scheme or where.netloc:
        return {"left": "pages fetch them from " + where.netloc}
    if not url:
        return {"left": "STATIC_URL is empty"}
    from django.core.files.storage import FileSystemStorage

    kept, options, move = backend(settings)
    if not (isinstance(kept, type) and issubclass(kept, FileSystemStorage)):
        return {"left": "%s keeps them elsewhere" % getattr(kept, "__name__", kept)}
    root = options.get("location") or settings.STATIC_ROOT
    by = serves(settings, root)
    place = str(root) if root and inside(root) else ""
    if by and not place:
        return {"left": by}
    if not place:
        place = PLACE
        settings.STATIC_ROOT = place
        move(place)
    elif COLLECTED and os.path.isdir(place):
        return told(url, place, by)
    from django.core.management import call_command

    os.makedirs(place, exist_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    result = told(url, place, by)
    if root and place == PLACE and hasattr(kept, "manifest_name"):
        result["error"] = "the names of the files are looked up in %s at run time, which no release has; let STATIC_ROOT lie inside the project" % root
    return result


def told(url, place, by):
    count = sum(len(files) for _, _, files in os.walk(place))
    return {"url": url, "root": os.path.realpath(place), "files": count, "left": by}


try:
    answer = main()
except BaseException as error:  # SystemExit as well: settings may end the process
    answer = {"error": "%s: %s" % (type(error).__name__, error)}
with open(ANSWER, "w") as f:
    json.dump(answer, f)
# Nothing that was started meanwhile is waited for.
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)
