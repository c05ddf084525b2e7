import os
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from jobs import web


class Server(ThreadingMixIn, WSGIServer):
    pass


make_server("127.0.0.1", int(os.environ["PORT"]), web, server_class=Server).serve_forever()
