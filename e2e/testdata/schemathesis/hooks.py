"""What Schemathesis can't know from the contract: what exists, which answers never end, and which calls would take the
ground away that the others stand on."""

import json
import os
import re

import schemathesis

THERE = json.loads(os.environ["SLIPWAY_THERE"])  # what the test has made, by the names of path parameters
OWN = os.environ.get("SLIPWAY_OWN")  # the id of the token that the requests are sent with
NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


def allowed(value):
    if isinstance(value, bool):
        return False
    return isinstance(value, int) and value > 0 or isinstance(value, str) and NAME.fullmatch(value)


@schemathesis.hook
def map_case(context, case):
    """Puts something that exists in the place of two of three path parameters that the contract allows. Others stay as
    they are: what must be refused must reach the server. Sequences of calls bring what their first calls have made."""
    if case.operation.definition.raw["operationId"] == "getLogs" and isinstance(case.query, dict):
        case.query.pop("follow", None)  # such an answer ends when its reader leaves
    if case.operation.definition.raw["operationId"] == "deleteService":
        return case  # the others need what is there
    if case.meta and case.meta.phase.name.value == "stateful" or not isinstance(case.path_parameters, dict):
        return case
    for name, value in case.path_parameters.items():
        draw = sum(str(value).encode())
        if THERE.get(name) and allowed(value) and draw % 3:
            case.path_parameters[name] = THERE[name][draw % len(THERE[name])]
    return case


@schemathesis.hook
def filter_case(context, case):
    at = case.path_parameters if isinstance(case.path_parameters, dict) else {}
    operation = case.operation.definition.raw["operationId"]
    if operation == "followPromotion":
        # The events of a promotion under way end with it: only those are followed that are over, or aren't there.
        promotion = str(at.get("promotion"))
        return not re.fullmatch(r"[0-9]{1,6}", promotion) or int(promotion) in THERE["promotion"]
    if operation == "revokeToken":
        return str(at.get("token")) != OWN
    if operation == "deleteService":
        return at.get("service") not in THERE["service"]
    return not str(at.get("account", "")).startswith("tries-")  # the account that the requests are sent by
