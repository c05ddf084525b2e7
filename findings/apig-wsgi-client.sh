#!/bin/sh
# apig-wsgi takes everybody for 127.0.0.1 behind API Gateway's REST APIs.
#
# Their event has the client in requestContext.identity.sourceIp, that of the newer HTTP
# APIs in requestContext.http.sourceIp. apig-wsgi reads the second: after a move from one
# to the other way of deploying, limits by address hold everybody for one client.
# serverless-wsgi reads both.
# Seen with apig-wsgi 2.20.0 and serverless-wsgi 3.1.0.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q apig-wsgi==2.20.0 serverless-wsgi==3.1.0
v/bin/python - <<'PY'
import copy, json

import apig_wsgi
import serverless_wsgi


def app(environ, start_response):
    body = json.dumps({k: v for k, v in environ.items() if isinstance(v, str)}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [body]

class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "f", 128, "arn", "1"


rest = {
    "httpMethod": "GET", "path": "/", "body": None, "isBase64Encoded": False,
    "headers": {"Host": "h"}, "multiValueHeaders": {"Host": ["h"]},
    "queryStringParameters": None, "multiValueQueryStringParameters": None,
    "requestContext": {"stage": "live", "identity": {"sourceIp": "192.0.2.7"}},
}
http = {
    "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {"host": "h"}, "isBase64Encoded": False,
    "requestContext": {"stage": "live", "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"}},
}
handlers = {"apig-wsgi": apig_wsgi.make_lambda_handler(app), "serverless-wsgi": lambda e, c: serverless_wsgi.handle_request(app, e, c)}
seen = {name: [json.loads(handle(copy.deepcopy(e), Context())["body"])["REMOTE_ADDR"] for e in (rest, http)] for name, handle in handlers.items()}
print(seen)
assert seen == {"apig-wsgi": ["127.0.0.1", "192.0.2.7"], "serverless-wsgi": ["192.0.2.7", "192.0.2.7"]}
PY
