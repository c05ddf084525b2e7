package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
)

// receiver is a server of an attacker's choice: it keeps everything that is sent.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	sent []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		text := req.URL.String()
		for name, values := range req.Header {
			text += "\n" + name + ": " + strings.Join(values, " ")
		}
		if user, password, ok := req.BasicAuth(); ok {
			text += "\n" + user + ":" + password
		}
		body, _ := io.ReadAll(io.LimitReader(req.Body, 1<<20))
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sent = append(r.sent, text+"\n"+string(body))
		http.NotFound(rw, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

// TestNoReferenceIsFollowed gives every text field of every operation that takes a
// body the references of what others stored, as somebody who may do everything in
// a team of his, with a server of his wherever an address is taken. References
// that the contract names as such get every reference, beside every name.
func TestNoReferenceIsFollowed(t *testing.T) {
	w := apitest.New(t)
	server := httptest.NewServer(api2(t, w))
	t.Cleanup(server.Close)
	w.URL = server.URL
	there := newReceiver(t)
	attacker := w.SignedUp("mallory", false, map[string]slipway.Role{"elsewhere": slipway.RoleAdmin})
	maintainer := w.SignedUp("mary", false, map[string]slipway.Role{"shop": slipway.RoleMaintainer, "elsewhere": slipway.RoleMaintainer})
	do := func(token, method, path, body string) (int, string) {
		resp, text := ask(t, w, method, operations.BasePath+path, body, "Authorization", "Bearer "+token)
		return resp.StatusCode, string(text)
	}
	made := func(token, method, path, body string) {
		t.Helper()
		if status, text := do(token, method, path, body); status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
	}
	for _, name := range []string{"victim", "second"} {
		made(w.Token, "POST", "/services", `{"url":"https://git.example.com/`+name+`.git","name":"`+name+`","team":"shop","token":"hunter22-git"}`)
		made(w.Token, "PUT", "/services/"+name+"/secrets/KEY", `{"value":"hunter22-key"}`)
	}
	made(w.Token, "PUT", "/services/victim/secrets/KEY?environment=dev", `{"value":"hunter22-dev"}`)
	made(w.Token, "POST", "/teams/shop/webhooks", `{"url":"https://hooks.example.com/first"}`)
	made(w.InPerson("present"), "POST", "/providers", `{"name":"corp","issuer":"https://login.example.com","client_id":"slipway","client_secret":"hunter22-client"}`)
	made(attacker, "POST", "/services", `{"url":"`+there.URL+`/own.git","name":"own","team":"elsewhere"}`)
	ctx := slipway.WithViewer(t.Context(), slipway.System("test"))
	if err := w.Secrets.Set(ctx, "sealed://victim/GIT_TOKEN", slipway.NewSecret("hunter22-old")); err != nil { // as an earlier version did
		t.Fatal(err)
	}
	references, err := w.Secrets.List(ctx, "")
	if err != nil || len(references) < 8 {
		t.Fatalf("%v %v", references, err)
	}
	values := map[string]slipway.SecretRef{}
	for _, ref := range references {
		v, err := w.Secrets.Get(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := slipway.OpenCredential(ref, "https://git.example.com/x", v); err == nil {
			v = opened
		}
		values[v.Reveal()] = ref
	}
	w.Resolve = source.New(source.Options{Dir: filepath.Join(w.Data, "mirrors"), Secrets: w.Secrets.Get}).Resolve

	marked, given := 0, 0
	for _, path := range slices.Sorted(maps.Keys(spec(t).Paths.Map())) {
		for method, op := range spec(t).Paths.Value(path).Operations() {
			schema := bodyOf(op)
			if schema == nil || method == http.MethodDelete {
				continue
			}
			at := strings.NewReplacer("{service}", "own", "{environment}", "dev", "{number}", "1", "{promotion}", "1", "{step}", "build",
				"{name}", "API_KEY", "{team}", "elsewhere", "{account}", "mallory", "{token}", "999", "{key}", "MODE", "{freeze}", "1", "{provider}", "corp", "{bundle}", "1", "{trust}", "main", "{webhook}", "1", "{delivery}", "1").Replace(path)
			for _, field := range textFields(schema, "") {
				isReference := field.schema.Extensions["x-secret-reference"] == true
				names, refs := []string{"victim"}, []slipway.SecretRef{values["hunter22-git"], values["hunter22-dev"]}
				if isReference {
					marked, names, refs = marked+1, []string{"victim", "second", "own", "fresh", ""}, references
				} else if last := field.path[strings.LastIndex(field.path, "/")+1:]; last == "credential" || strings.Contains(fmt.Sprint(field.schema.Example), "sealed://") {
					t.Errorf("%s: %s takes a reference and has no x-secret-reference", op.OperationID, field.path)
				}
				for _, name := range names {
					for _, ref := range refs {
						given++
						body := filled(t, op, schema, there.URL, name, field.path, string(ref))
						status, text := do(attacker, method, at, body)
						if isReference && (status != http.StatusBadRequest || !strings.Contains(text, "credential")) {
							t.Errorf("%s %s %s: %d %s", method, at, body, status, text)
						}
						if isReference { // who may set those secrets, and never see them
							do(maintainer, method, strings.Replace(at, "/own", "/victim", 1), body)
						}
					}
				}
			}
		}
	}
	if marked < 3 || given < 150 {
		t.Errorf("%d fields are references, and %d bodies were sent", marked, given)
	}
	// The server is one that is spoken to, and would have been told.
	do(attacker, "PATCH", "/services/own", `{"url":"`+there.URL+`/moved.git","token":"0wn-token-of-mallory"}`)
	sent := there.took()
	if !slices.ContainsFunc(sent, func(s string) bool { return strings.Contains(s, "0wn-token-of-mallory") }) {
		t.Errorf("the server got %d requests, and not the token that was meant for it", len(sent))
	}
	for value, ref := range values {
		for _, text := range sent {
			if strings.Contains(text, value) {
				t.Errorf("what is stored as %s was sent: %s", ref, text)
			}
		}
	}
}

// api2 is the same API for many requests.
func api2(t *testing.T, w *apitest.World) *api.Server {
	return apitest.NewServer(t, api.Options{Platform: w.Platform, RequestsPerMinute: 1 << 30})
}

func bodyOf(op *openapi3.Operation) *openapi3.Schema {
	if op.RequestBody == nil {
		return nil
	}
	if content := op.RequestBody.Value.Content.Get("application/json"); content != nil {
		return content.Schema.Value
	}
	return nil
}

type textField struct {
	path   string // of names, with / between them; * is an item of a list
	schema *openapi3.Schema
}

// textFields are the fields of a body that take any text, however deep.
func textFields(s *openapi3.Schema, path string) []textField {
	if len(path) > 60 {
		return nil
	}
	var list []textField
	for _, part := range s.AllOf {
		list = append(list, textFields(part.Value, path)...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		list = append(list, textFields(s.Properties[name].Value, path+"/"+name)...)
	}
	switch {
	case s.Type.Is("array") && s.Items != nil:
		list = append(list, textFields(s.Items.Value, path+"/*")...)
	case s.Type.Is("string") && len(s.Enum) == 0 && path != "":
		list = append(list, textField{path, s})
	}
	return list
}

// filled is a body of the operation with a reference in one field, and with the
// server and the name where it takes such.
func filled(t *testing.T, op *openapi3.Operation, schema *openapi3.Schema, server, name, path, ref string) string {
	t.Helper()
	body := map[string]any{}
	if text := bodies[op.OperationID]; text != "" {
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatal(err)
		}
	}
	if _, has := schema.Properties["url"]; has {
		u, _ := url.JoinPath(server, "stolen.git")
		body["url"] = u
	}
	if _, has := schema.Properties["name"]; has && name != "" {
		body["name"] = name
	}
	if _, has := body["team"]; has {
		body["team"] = "elsewhere"
	}
	put(body, strings.Split(strings.TrimPrefix(path, "/"), "/"), ref)
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func put(into map[string]any, path []string, value string) {
	name := path[0]
	switch {
	case len(path) == 1:
		into[name] = value
	case path[1] == "*" && len(path) == 2:
		into[name] = []any{value}
	case path[1] == "*":
		item := map[string]any{}
		put(item, path[2:], value)
		into[name] = []any{item}
	default:
		inner, _ := into[name].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
		}
		put(inner, path[1:], value)
		into[name] = inner
	}
}
