package api_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/slipway-dev/slipway/api"
)

const accepted = "testdata/openapi.v1.yaml"

// TestContractStaysCompatible holds the contract to docs/api-compatibility.md.
func TestContractStaysCompatible(t *testing.T) {
	base, err := os.ReadFile(accepted)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range breaks(contract(t, base), contract(t, api.Spec)) {
		t.Errorf("%s; programs that use v1 would break (docs/api-compatibility.md)", broken)
	}
}

// TestBreakingEditsAreFound makes edits that break programs, and some that don't.
func TestBreakingEditsAreFound(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"an operation goes", "operationId: getVersion", "operationId: tellVersion", "GET /version: its operationId is another one"},
		{"a path goes", "  /version:\n", "  /build:\n", "GET /version is gone"},
		{"it takes more rights", "operationId: listHolds\n      x-permission: 'signed-in'", "operationId: listHolds\n      x-permission: 'platform'", "GET /holds: its permission is platform"},
		{"a field of an answer goes", "        hint: {type: string", "        start: {type: string", "POST /tokens: 201: info.hint is gone"},
		{"a field of an answer may be missing", "required: [token, info]", "required: [token]", "POST /tokens: 201: info may be missing now"},
		{"a field of an answer is of another type", "        hint: {type: string", "        hint: {type: integer", "POST /tokens: 201: info.hint is of another type"},
		{"a field is wanted", "required: [name, scopes]\n      additionalProperties: false", "required: [name, scopes, expires_in_days]\n      additionalProperties: false", "POST /tokens: body: expires_in_days is required now"},
		{"a field isn't taken", "        expires_in_days: {description: 'how long it lives'", "        days: {description: 'how long it lives'", "POST /tokens: body: expires_in_days is gone"},
		{"a bound is narrower", "maximum: 366, default: 90", "maximum: 90, default: 90", "POST /tokens: body: expires_in_days allows less"},
		{"an enum is narrower", "enum: [json, text], default: json", "enum: [json], default: json", `GET /promotions/{promotion}/steps/{step}/log: query format: "text" is gone`},
		{"a pattern changes", `(read|config|approve|break_glass|admin|promote`, `(read|config|break_glass|admin|promote`, "POST /tokens: body: scopes[] has another pattern"},
		{"a parameter goes", "        - name: weeks\n          in: query", "        - name: days\n          in: query", "GET /delivery: query weeks is gone"},
		{"a header is wanted", "      name: If-Match\n      in: header\n", "      name: If-Match\n      in: header\n      required: true\n", "PATCH /services/{service}: header If-Match is required now"},
		{"an answer goes", "        \"202\":\n          description: the promotion that rolls back", "        \"201\":\n          description: the promotion that rolls back", "rollback: 202 is gone"},
		{"a kind of answer goes", "            text/plain:\n              schema: {type: string}\n              example: \"3 passed", "            text/html:\n              schema: {type: string}\n              example: \"3 passed", "log: 200: text/plain is gone"},
		{"an error status goes", "        \"412\": {$ref: '#/components/responses/Outdated'}\n", "", "PATCH /services/{service}: 412 is gone"},
		{"it doesn't say when to try again any more", "        Retry-After: {$ref: '#/components/headers/RetryAfter'}\n", "", "GET /version: 429: header Retry-After is gone"},
		{"an error status more", "        \"421\": {$ref: '#/components/responses/Misdirected'}\n", "        \"410\": {$ref: '#/components/responses/NotFound'}\n        \"421\": {$ref: '#/components/responses/Misdirected'}\n", ""},
		{"a field more", "        hint: {type: string", "        color: {description: 'a color', type: string}\n        hint: {type: string", ""},
		{"a wider bound", "maximum: 366, default: 90", "maximum: 400, default: 90", ""},
		{"an enum is wider", "enum: [json, text], default: json", "enum: [json, text, html], default: json", ""},
		{"a field to leave out", "        expires_in_days: {description: 'how long it lives'", "        note: {description: 'a note', type: string}\n        expires_in_days: {description: 'how long it lives'", ""},
	}
	base := contract(t, api.Spec)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(string(api.Spec), c.old) {
				t.Fatalf("the contract has no %q", c.old)
			}
			found := breaks(base, contract(t, []byte(strings.Replace(string(api.Spec), c.old, c.new, 1))))
			if c.want == "" && len(found) > 0 || c.want != "" && !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, c.want) }) {
				t.Errorf("%q, want %q", found, c.want)
			}
		})
	}
}

func contract(t *testing.T, text []byte) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// breaks lists what a program that works with base can't rely on any more.
func breaks(base, now *openapi3.T) []string {
	var d differ
	for path, was := range base.Paths.Map() {
		for method, old := range was.Operations() {
			d.at = method + " " + path
			item := now.Paths.Value(path)
			if item == nil || item.GetOperation(method) == nil {
				d.found = append(d.found, d.at+" is gone")
				continue
			}
			d.operation(was, item, old, item.GetOperation(method))
		}
	}
	slices.Sort(d.found)
	return slices.Compact(d.found)
}

// differ collects what it finds at an operation.
type differ struct {
	at    string
	found []string
}

func (d *differ) say(format string, args ...any) {
	d.found = append(d.found, d.at+": "+fmt.Sprintf(format, args...))
}

func (d *differ) operation(was, is *openapi3.PathItem, old, now *openapi3.Operation) {
	if old.OperationID != now.OperationID {
		d.say("its operationId is another one")
	}
	if old.Extensions["x-permission"] != now.Extensions["x-permission"] {
		d.say("its permission is %v", now.Extensions["x-permission"])
	}
	before, after := slices.Concat(was.Parameters, old.Parameters), slices.Concat(is.Parameters, now.Parameters)
	for _, p := range before {
		name := p.Value.In + " " + p.Value.Name
		q := after.GetByInAndName(p.Value.In, p.Value.Name)
		if q == nil {
			d.say("%s is gone", name)
			continue
		}
		if q.Required && !p.Value.Required {
			d.say("%s is required now", name)
		}
		d.request(name, p.Value.Schema, q.Schema, nil)
	}
	for _, q := range after {
		if q.Value.Required && before.GetByInAndName(q.Value.In, q.Value.Name) == nil {
			d.say("%s %s is required now", q.Value.In, q.Value.Name)
		}
	}
	d.bodies(old, now)
}
