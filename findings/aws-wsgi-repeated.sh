#!/bin/sh
# aws-wsgi loses repeated parameters, headers and cookies, and encodes a query twice.
#
# API Gateway gives repeated values in multiValueQueryStringParameters and
# multiValueHeaders; aws-wsgi reads the single ones, of which the gateway fills in the
# last. Of two cookies that the application sets, one arrives. A load balancer hands on
# the query as it was typed, and aws-wsgi encodes it once more: "%20" becomes "%2520".
# Seen with aws-wsgi 0.2.7.
set -eu
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
python3 -m venv v && v/bin/pip install -q aws-wsgi==0.2.7
v/bin/python - <<'PY'
import json

import awsgi


def app(environ, start_response):
    body = json.dumps({k: v for k, v in environ.items() if isinstance(v, str)}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [body]

gateway = {
    "httpMethod": "GET", "path": "/", "body": None, "isBase64Encoded": False, "requestContext": {},
    "headers": {"Host": "h", "Baggage": "region=eu"}, "multiValueHeaders": {"Host": ["h"], "Baggage": ["tenant=7", "region=eu"]},
    "queryStringParameters": {"tag": "2"}, "multiValueQueryStringParameters": {"tag": ["1", "2"]},
}
balancer = {
    "httpMethod": "GET", "path": "/", "body": "", "isBase64Encoded": False, "requestContext": {"elb": {}},
    "headers": {"host": "h"}, "queryStringParameters": {"q": "two%20words"},
}
answer = awsgi.response(app, gateway, None)
seen = json.loads(answer["body"])
print(seen["QUERY_STRING"], seen["HTTP_BAGGAGE"], answer["headers"])
assert seen["QUERY_STRING"] == "tag=2" and seen["HTTP_BAGGAGE"] == "region=eu" and answer["headers"]["Set-Cookie"] == "b=2"
assert "multiValueHeaders" not in answer
seen = json.loads(awsgi.response(app, balancer, None)["body"])
print(seen["QUERY_STRING"])
assert seen["QUERY_STRING"] == "q=two%2520words"
PY
