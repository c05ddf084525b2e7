"""Import an application object and say what it is.

python -c CODE MODULE OBJECT FACTORY SETTINGS [OUT]

FACTORY is 0, or the arguments that OBJECT is called with, in brackets. SETTINGS is gunicorn's file of settings, "" for none. Writes one line of JSON to OUT, which is a file descriptor's number (3 by
default) or a path, so that what the application prints cannot disturb it.
"""

import ast
import importlib
import inspect
import json
import os
import sys
import traceback


def is_async(o):
    while hasattr(o, "func") and hasattr(o, "args"):  # functools.partial
        o = o.func
    return inspect.iscoroutinefunction(o)


def positional(o):
    """How many positional arguments a call needs at least, None if unknown."""
    try:
        parameters = inspect.signature(o).parameters.values()
    except (TypeError, ValueError):
        return None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return len([p for p in parameters if p.kind in kinds and p.default is p.empty])


def interface(o):
    if not callable(o):
        return ""
    if inspect.isclass(o):
        # A class is called with what its __init__ takes: (scope) for the old
        # ASGI of two calls, or an instance of it is awaited.
        call = getattr(o, "__call__", None)
        if is_async(call) or hasattr(o, "__await__"):
            return "asgi"
        return "asgi" if positional(o) == 1 else "wsgi"
    if is_async(o) or is_async(getattr(o, "__call__", None)):
        return "asgi"
    for wrapped in ("app", "application", "asgi_app", "__wrapped__"):
        # Middleware whose __call__ is not async but returns a coroutine.
        inner = getattr(o, wrapped, None)
        if wrapped == "__wrapped__" and inner is not None and is_async(inner):
            return "asgi"
    needed = positional(o)
    if needed == 3:
        return "asgi"
    if needed == 1:
        return "asgi"  # ASGI of two calls: o(scope)(receive, send)
    return "wsgi"


def where(error, module):
    if isinstance(error, SyntaxError) and error.filename:
        return "%s:%s" % (os.path.relpath(error.filename), error.lineno)
    here = os.getcwd() + os.sep
    found = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith(here) and "site-packages" not in frame.filename:
            found = "%s:%s" % (os.path.relpath(frame.filename), frame.lineno)
    return found


def find(module, name):
    o = importlib.import_module(module)
    for part in name.split("."):
        o = getattr(o, part)
    return o


def within_loop(module, name):
    """Find it as a server does that has started its event loop before."""

    import asyncio

    async def look():
        return find(module, name)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop.run_until_complete(look())


def find_either_way(module, name, answer):
    before = set(sys.modules)
    try:
        return find(module, name)
    except RuntimeError as error:
        if "no running event loop" not in str(error):
            raise
        for imported in set(sys.modules) - before:
            file = getattr(sys.modules[imported], "__file__", None) or ""
            if file.startswith(os.getcwd() + os.sep) and "-packages" not in file:
                del sys.modules[imported]
        try:
            found = within_loop(module, name)
        except BaseException:
            raise error
        answer["within_loop"] = True
        return found


class Asked(type(os.environ)):
    """os.environ that notes what the project's own code asks for without a default
    and nobody has given."""

    noted = []

    def note(self, name, empty=False):
        frame = sys._getframe(2)
        here = os.getcwd() + os.sep
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(here) and "-packages" not in file:
                read = {"name": str(name), "line": "%s:%s" % (os.path.relpath(file), frame.f_lineno), "empty": empty}
                if read not in Asked.noted and len(Asked.noted) < 50:
                    Asked.noted.append(read)
                return
            if "-packages" in file:  # a library's own business
                return
            frame = frame.f_back

    def __contains__(self, name):
        try:
            super().__getitem__(name)
        except KeyError:
            return False
        return True

    def __getitem__(self, name):
        if name not in self:
            self.note(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        if name in self:
            return super().__getitem__(name)
        if default is None or default == "":
            self.note(name, default is not None)
        return default


FRAMEWORKS = {"flask", "quart", "fastapi", "starlette", "litestar", "sanic", "falcon", "bottle", "django", "pyramid", "blacksheep", "connexion"}
FACTORIES = {"create_app", "make_app", "create_application", "get_app", "build_app", "app_factory", "get_application"}


def served(o):
    """Tell whether an object is an application, by what it is made of."""
    if inspect.isclass(o) or inspect.ismodule(o) or inspect.isroutine(o) or not callable(o):
        return False
    made_of = {c.__module__.split(".")[0] for c in type(o).__mro__}
    if made_of & FRAMEWORKS:
        return any(c.__name__ in ("Flask", "Quart", "Starlette", "Litestar", "Sanic", "App", "API", "Bottle", "WSGIHandler", "ASGIHandler", "Application") for c in type(o).__mro__)
    call = type(o).__call__
    needed = [p.name for p in inspect.signature(call).parameters.values()] if inspect.isfunction(call) else []
    return needed[2:] == ["start_response"] or is_async(call) and needed[1:] == ["scope", "receive", "send"]


def others(module, name):
    """What else could have been meant, in the modules of the project that are loaded by now:
    applications, and functions that make one, with what they have to be given."""
    here, found = os.getcwd() + os.sep, []
    for of, loaded in sorted(sys.modules.items(), key=lambda item: (item[0] != module, item[0])):
        file = getattr(loaded, "__file__", None) or ""
        if not file.startswith(here) or "-packages" in file or of == "__main__":
            continue
        for key, o in list(vars(loaded).items()):
            try:
                if (of, key) == (module, name) or key.startswith("_"):
                    continue
                if inspect.isfunction(o) and o.__module__ == of and key in FACTORIES:
                    needed = [p.name for p in inspect.signature(o).parameters.values() if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD]
                    found.append("%s:%s(%s)" % (of, key, ", ".join(needed)))
                elif served(o) and not bare(o) and not any(o is other for _, other in seen_objects(found)):
                    found.append("%s:%s" % (of, key))
            except Exception:
                continue
    return sorted(found, key=lambda target: "(" in target and not target.endswith("()"))[:8]


def seen_objects(found):
    for target in found:
        of, _, key = target.partition(":")
        if "(" not in key:
            yield target, getattr(sys.modules[of], key, None)


def bare(o):
    """Tell whether an application answers nothing, for certain: no routes, no files, and nobody
    in front of it, behind it or at its start that might."""
    own = []
    for c in type(o).__mro__:
        if c.__module__ == "flask.app" and c.__name__ == "Flask":
            break
        own += vars(c)
    else:
        answers = ANSWERS.get("%s.%s" % (type(o).__module__.split(".")[0], type(o).__name__))
        try:
            return bool(answers) and not any(answers(o))
        except Exception:  # another version has other attributes
            return False
    if {"wsgi_app", "__call__", "dispatch_request", "full_dispatch_request"} & {*own, *vars(o)}:
        return False
    return not any(flask_answers(o))


def flask_answers(o):
    yield [r for r in o.url_map.iter_rules() if r.endpoint != "static" or os.path.isdir(o.static_folder or "")]
    yield from (o.before_request_funcs, o.error_handler_spec, getattr(o, "before_first_request_funcs", None))


def quart_answers(o):
    yield {"asgi_app", "dispatch_request", "full_dispatch_request", "handle_request"} & set(vars(o))
    yield from flask_answers(o)
    yield from (o.before_websocket_funcs, o.before_serving_funcs, o.while_serving_gens)


def of(package, o):
    return (getattr(o, "__module__", None) or type(o).__module__).split(".")[0] in package


def starlette_answers(o):
    its = ("fastapi", "starlette")
    yield [r for r in o.router.routes if type(r).__name__ != "Route" or not of(its, r.endpoint)]  # its own are documents
    yield [h for h in o.exception_handlers.values() if not of(its, h)]
    yield from (o.user_middleware, o.router.on_startup if hasattr(o.router, "on_startup") else [])
    yield not of(its, type(o.router.lifespan_context)) or inspect.isroutine(o.router.lifespan_context)
    yield not of(its, o.router.default) or not of(its, type(o.router)) or {"app", "build_middleware_stack"} & set(vars(o))


def litestar_answers(o):
    documents = getattr(o.openapi_config, "path", None) or "/schema"
    yield [r for r in o.routes if r.path != documents and not r.path.startswith(documents.rstrip("/") + "/")]
    yield [h for h in o.exception_handlers.values() if not of(("litestar",), h)]
    yield from (o.on_startup, o._lifespan_managers, o.middleware)


def sanic_answers(o):
    yield from (o._future_routes, o._future_statics, o._future_middleware, o._future_listeners, o._future_exceptions, o._future_signals, o.blueprints, o.router.routes)


def aiohttp_answers(o):
    yield from (list(o.router.resources()), list(o.middlewares), list(o.on_startup)[1:], list(o.cleanup_ctx), o._subapps)


ANSWERS = {
    "quart.Quart": quart_answers,
    "fastapi.FastAPI": starlette_answers,
    "starlette.Starlette": starlette_answers,
    "litestar.Litestar": litestar_answers,
    "sanic.Sanic": sanic_answers,
    "aiohttp.Application": aiohttp_answers,
}


def configure(file):
    """Read gunicorn's settings as it does before it imports anything."""
    if file:
        import runpy

        runpy.run_path(os.path.abspath(file), run_name="__config__")


def check(module, name, factory, settings=""):
    answer = {"ok": False, "interface": "", "callable": False, "error_type": "", "error": "", "line": ""}
    os.environ.__class__ = Asked
    try:
        configure(settings)
        o = find_either_way(module, name, answer)
        if factory:
            if is_async(o):
                raise TypeError("%s is a coroutine function; a server calls a plain one" % name)
            given = ast.parse("f" + factory, mode="eval").body  # literals, as gunicorn takes them
            o = o(*[ast.literal_eval(a) for a in given.args], **{k.arg: ast.literal_eval(k.value) for k in given.keywords})
        answer["callable"] = callable(o)
        answer["interface"] = interface(o)
        answer["ok"] = answer["callable"]
        if not answer["callable"]:
            answer["error_type"] = "NotCallable"
            answer["error"] = "%s:%s is of type %s, which no server can call" % (module, name, type(o).__name__)
            answer["others"] = others(module, name)
        elif bare(o):
            answer["bare"], answer["others"] = True, others(module, name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: an application may exit on import
        answer["error_type"] = type(error).__name__
        answer["error"] = str(error)[:2000]
        answer["line"] = where(error, module)
        answer["unset"] = Asked.noted
        if isinstance(error, (AttributeError, TypeError)):
            answer["others"] = others(module, name)
    return answer


def main(argv):
    out = argv[5] if len(argv) > 5 else "3"
    target = os.fdopen(int(out), "w") if out.isdigit() else open(out, "w")
    sys.path.insert(0, os.getcwd()) if os.getcwd() not in sys.path else None
    answer = check(argv[1], argv[2], argv[3] if argv[3] != "0" else "", argv[4])
    with target:
        target.write(json.dumps(answer) + "\n")
        target.flush()
    # Threads that the application started must not keep the check alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if answer["ok"] else 1)


main(sys.argv)
