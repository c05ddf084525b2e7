"""Renders templates with Jinja2, sandboxed. One JSON document comes on standard input, one goes to standard output."""

import json
import os
import resource
import sys

# Before anything else: a template can't take the machine's memory.
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment


class TreeLoader(jinja2.BaseLoader):
    """Loads templates from a directory that links may not leave."""

    def __init__(self, root):
        self.root = os.path.realpath(root)

    def get_source(self, environment, template):
        path = os.path.realpath(os.path.join(self.root, template))
        if os.path.commonpath([path, self.root]) != self.root or not os.path.isfile(path):
            raise jinja2.TemplateNotFound(template)
        if os.path.getsize(path) > 1 << 20:
            raise jinja2.TemplateError("the template is larger than 1 MiB")
        with open(path, encoding="utf-8") as f:
            return f.read(), path, lambda: True


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


def main():
    request = json.load(sys.stdin)
    loader = TreeLoader(request["root"])
    environment = ImmutableSandboxedEnvironment(
        loader=loader, undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    files = []
    for file in request["templates"]:
        name = file["source"]
        problem = None
        try:
            content = ""
            size = 0
            parts = []
            for part in environment.get_template(name).generate(request["values"]):
                size += len(part)
                if size > 1 << 20:
                    raise jinja2.TemplateError("the result is larger than 1 MiB")
                parts.append(part)
            content = "".join(parts)
            files.append({"path": file["path"], "content": content})
            continue
        except jinja2.TemplateSyntaxError as e:
            where = os.path.relpath(e.filename, loader.root) if e.filename else (e.name or name)
            problem = {"file": where, "line": e.lineno, "kind": "syntax", "message": e.message or "syntax error"}
        except jinja2.UndefinedError as e:
            where, line = line_of(e, loader.root)
            problem = {"file": where or name, "line": line, "kind": "undefined", "message": e.message or "undefined"}
        except jinja2.TemplateNotFound as e:
            where, line = line_of(e, loader.root)
            problem = {"file": where or name, "line": line, "kind": "missing", "message": "there is no template " + str(e.name)}
        except UnicodeDecodeError:
            problem = {"file": name, "line": 0, "kind": "error", "message": "the template is not UTF-8 text"}
        except MemoryError:
            problem = {"file": name, "line": 0, "kind": "error", "message": "rendering needs more than 1 GiB of memory"}
        except RecursionError as e:
            problem = {"file": name, "line": 0, "kind": "error", "message": "the template calls itself without end"}
        except Exception as e:
            where, line = line_of(e, loader.root)
            problem = {"file": where or name, "line": line, "kind": "error", "message": "%s: %s" % (type(e).__name__, e)}
        json.dump({"problem": problem}, sys.stdout)
        return
    json.dump({"files": files}, sys.stdout)


main()
