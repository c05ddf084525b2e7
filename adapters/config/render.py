"""Renders templates with Jinja2, sandboxed. One JSON document comes on standard input; the last line of standard output is the answer."""

import functools
import json
import os
import resource
import signal
import sys

# Before anything else: a template can't take the machine's memory.
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST = 1 << 20


class Refusal(Exception):
    """Something that a template may not do, in words."""


class TooSlow(Exception):
    """The time is over."""


def unknown(name):
    raise Refusal("the value of the secret %s is not known here; write it as it is, like {{ %s }}" % (name, name))


class Secret:
    """Stands for a secret's value: it can be written, and nothing else can be done with it."""

    __slots__ = ("_name", "_mark")

    def __init__(self, name, mark):
        self._name, self._mark = name, mark

    def __str__(self):
        return self._mark

    def __bool__(self):
        return True  # a stored secret is never empty

    def _refuse(self, *args, **kwargs):
        unknown(self._name)

    __repr__ = _refuse
    __len__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse
    __getitem__ = __iter__ = __contains__ = __add__ = __radd__ = __mul__ = __rmul__ = __mod__ = __int__ = __float__ = _refuse


# What leaves a secret as it is.
HARMLESS = {"default", "d", "string", "safe", "format"}


def guarded(name, function):
    """A filter that refuses secrets: its result would be that of the mark, not of the value."""

    @functools.wraps(function)
    def guard(*args, **kwargs):
        for arg in args:
            if isinstance(arg, Secret):
                unknown(arg._name)
        return function(*args, **kwargs)

    return function if name in HARMLESS else guard


class TreeLoader(jinja2.BaseLoader):
    """Loads templates from a directory that links may not leave."""

    def __init__(self, root):
        self.root = os.path.realpath(root)

    def get_source(self, environment, template):
        path = os.path.realpath(os.path.join(self.root, template))
        if os.path.commonpath([path, self.root]) != self.root or not os.path.isfile(path):
            raise jinja2.TemplateNotFound(template)
        if os.path.getsize(path) > MOST:
            raise Refusal("the template %s is larger than 1 MiB" % template)
        with open(path, encoding="utf-8") as f:
            try:
                return f.read(), path, lambda: True
            except UnicodeDecodeError:
                raise Refusal("the template %s is not UTF-8 text" % template) from None


def line_of(error, root):
    """File and line of a template in a traceback: the innermost one."""
    found = ("", 0)
    tb = error.__traceback__
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        if name.startswith(root + os.sep):
            found = (os.path.relpath(name, root), tb.tb_lineno)
        tb = tb.tb_next
    return found


def render(environment, name, values):
    size, parts = 0, []
    for part in environment.get_template(name).generate(values):
        size += len(part)
        if size > MOST:
            raise Refusal("the result is larger than 1 MiB")
        parts.append(part)
    content = "".join(parts)
    if len(content.encode("utf-8", "replace")) > MOST:
        raise Refusal("the result is larger than 1 MiB")
    return content


def problem_of(e, name, root, seconds):
    where, line = line_of(e, root)
    kind = "error"
    if isinstance(e, jinja2.TemplateSyntaxError):
        where = os.path.relpath(e.filename, root) if e.filename else (e.name or name)
        kind, line, message = "syntax", e.lineno, e.message or "syntax error"
    elif isinstance(e, jinja2.UndefinedError):
        kind, message = "undefined", e.message or "undefined"
    elif isinstance(e, jinja2.TemplatesNotFound):
        kind, message = "missing", "there is none of the templates " + ", ".join(map(str, e.templates))
    elif isinstance(e, jinja2.TemplateNotFound):
        kind, message = "missing", "there is no template " + str(e.name)
    elif isinstance(e, jinja2.exceptions.SecurityError):
        message = "a template may not do this: " + str(e)
    elif isinstance(e, Refusal):
        message = str(e)
    elif isinstance(e, TooSlow):
        message = "rendering takes longer than %g s; is there an endless loop in it?" % seconds
    elif isinstance(e, MemoryError):
        message = "rendering needs more than 1 GiB of memory"
    elif isinstance(e, RecursionError):
        message = "the template calls itself without end"
    elif isinstance(e, OverflowError) and "range" in str(e).lower():
        message = "the loop is too long: " + str(e)
    elif isinstance(e, TypeError) and "Secret" in str(e):
        message = "the value of a secret is not known here; write it as it is, like {{ NAME }}"
    else:
        message = "%s: %s" % (type(e).__name__, e)
    return {"file": where or name, "line": line, "kind": kind, "message": message[:1000]}


def main():
    request = json.load(sys.stdin)
    loader = TreeLoader(request["root"])
    environment = ImmutableSandboxedEnvironment(
        loader=loader, undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True, cache_size=400
    )
    for name, function in list(environment.filters.items()):
        environment.filters[name] = guarded(name, function)
    config = dict(request["values"])
    for name, mark in request["secrets"].items():
        config[name] = Secret(name, mark)
    values = dict(config)
    values.update(request["words"])
    values["config"] = config

    def late(*_):
        raise TooSlow()

    signal.signal(signal.SIGALRM, late)
    # Again and again: what swallows the first one doesn't swallow the next.
    signal.setitimer(signal.ITIMER_REAL, request["seconds"], 0.2)
    try:
        answer = render_all(environment, loader.root, request, values)
    except TooSlow as e:  # it came while another problem was being handled
        answer = {"problem": problem_of(e, request["templates"][0]["source"], loader.root, request["seconds"])}
    signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stdout.write("\n" + json.dumps(answer))


def render_all(environment, root, request, values):
    files = []
    for file in request["templates"]:
        try:
            files.append({"path": file["path"], "content": render(environment, file["source"], values)})
        except Exception as e:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return {"problem": problem_of(e, file["source"], root, request["seconds"])}
    return {"files": files}


main()
