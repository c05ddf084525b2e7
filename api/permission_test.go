package api_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/api/operations"
)

// bodies are what the operations are called with that take one and have no
// example of their own that fits.
var bodies = map[string]string{
	"createService":       `{"url":"https://git.example.com/new.git","team":"shop"}`,
	"detectRepository":    `{"url":"https://git.example.com/new.git","team":"shop","overrides":{"python":"3.13"}}`,
	"detectService":       `{"overrides":{"python":"3.13"}}`,
	"createPromotion":     `{"environment":"dev"}`,
	"planPromotion":       `{"environment":"dev"}`,
	"rollback":            `{}`,
	"planRollback":        `{}`,
	"setSecret":           `{"value":"hunter22"}`,
	"updateConfig":        `{"set":{"MODE":"x"}}`,
	"restoreConfig":       `{"key":"MODE","version":1}`,
	"setPassword":         `{"current":"not it at all, no","password":"a whole new password"}`,
	"createToken":         `{"name":"x","scopes":["read"]}`,
	"createInvitation":    `{"team":"shop","role":"viewer"}`,
	"setMember":           `{"role":"viewer"}`,
	"updateEnvironment":   `{"position":1}`,
	"createEnvironment":   `{"name":"staging"}`,
	"updateService":       `{"branch":"main"}`,
	"createTeam":          `{"name":"another"}`,
	"createAccount":       `{"name":"program","kind":"service"}`,
	"updateAccount":       `{"display_name":"A"}`,
	"createDecision":      `{"verdict":"approve","plan":"sha256:x"}`,
	"steerCanary":         `{"what":"pause"}`,
	"updatePolicy":        `{"approvals":0}`,
	"placeHold":           `{"reason":"a test"}`,
	"adoptUnrecorded":     `{"reason":"a test"}`,
	"endUnrecorded":       `{"reason":"a test"}`,
	"createDomain":        `{"name":"shop.example.com","first":true}`,
	"createFreeze":        `{"reason":"a test","team":"no-such","ends_at":"2099-01-01T00:00:00Z"}`,
	"renderConfig":        `{"environment":"dev"}`,
	"createProvider":      `{"name":"corp","issuer":"https://login.example.com","client_id":"slipway","client_secret":"hunter22"}`,
	"updateProvider":      `{"open":true}`,
	"updateSignIn":        `{"passwords":true}`,
	"addPasskey":          `{"ceremony":"nothing","credential":{}}`,
	"finishPasskeySignIn": `{"ceremony":"nothing","credential":{}}`,
	"beginTotp":           `{"current":"not it at all, no"}`,
	"confirmFactor":       `{"code":"123456"}`,
	"finishSignIn":        `{"challenge":"nothing","code":"123456"}`,
	"createBundle":        `{"environment":"dev","promotions":[{"service":"absent"},{"service":"absent-too"}]}`,
	"planBundle":          `{"environment":"dev","promotions":[{"service":"absent"},{"service":"absent-too"}]}`,
	"createWebhook":       `{"url":"https://hooks.example.com/slipway"}`,
	"updateWebhook":       `{"events":["promotion.*"]}`,
	"createTrust":         `{"name":"main","issuer":"https://ci.example.com","audience":"slipway","subject":"shop/billing","scopes":["promote:dev"]}`,
}

// TestEveryOperationByEveryRole calls every operation of the contract as nobody,
// as every role in the team that owns the service, as every role in another
// team, and as an admin of the platform, and holds the answer to the permission
// that the operation names.
func TestEveryOperationByEveryRole(t *testing.T) {
	w := apitest.New(t)
	w.SignedUp("owner", false, map[string]slipway.Role{"shop": slipway.RoleAdmin})
	if resp, text := ask(t, w, "POST", "/api/v1/services", `{"url":"https://git.example.com/billing.git","team":"shop"}`); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	if resp, text := ask(t, w, "POST", "/api/v1/teams/shop/webhooks", `{"url":"https://hooks.example.com/first"}`); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	p := promote(t, w, "billing", `{}`)
	follow(t, &client.Follower{Client: connect(t, w)}, p.Id)
	viewers := everyRole(w)
	called := 0
	// What deletes comes last, and the parts before the whole: the others need
	// what it deletes.
	paths := slices.SortedFunc(maps.Keys(spec(t).Paths.Map()), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for _, deletes := range []bool{false, true} {
		for _, path := range paths {
			for method, op := range spec(t).Paths.Value(path).Operations() {
				if (method == http.MethodDelete) != deletes {
					continue
				}
				called++
				t.Run(op.OperationID, func(t *testing.T) {
					name, _ := op.Extensions["x-permission"].(string)
					permission := slipway.Permission(name)
					if !permission.Known() {
						t.Fatalf("%s %s names no permission that there is: %q", method, path, name)
					}
					callByAll(t, w, viewers, permission, method, path, op)
				})
			}
		}
	}
	if called < 50 {
		t.Errorf("only %d operations were called", called)
	}
}

// viewer is an account of the test and what the rules know of it.
type viewer struct {
	name, token string
	slipway.Viewer
}

// everyRole signs up somebody for every role in the team shop, the id 1 here,
// and in another, and an admin of the platform.
func everyRole(w *apitest.World) []viewer {
	const shop, elsewhere = 1, 2
	var viewers []viewer
	for _, role := range slipway.Roles {
		own, other := "own-"+string(role), "other-"+string(role)
		viewers = append(viewers,
			viewer{own, w.SignedUp(own, false, map[string]slipway.Role{"shop": role}), slipway.Viewer{Kind: slipway.ViewerPerson, Roles: map[int]slipway.Role{shop: role}}},
			viewer{other, w.SignedUp(other, false, map[string]slipway.Role{"elsewhere": role}), slipway.Viewer{Kind: slipway.ViewerPerson, Roles: map[int]slipway.Role{elsewhere: role}}})
	}
	return append(viewers, viewer{"boss", w.SignedUp("boss", true, nil), slipway.Viewer{Kind: slipway.ViewerPerson, Admin: true}})
}

func callByAll(t *testing.T, w *apitest.World, viewers []viewer, permission slipway.Permission, method, path string, op *openapi3.Operation) {
	call := func(account, token string) (*http.Response, string) {
		at := strings.NewReplacer("{service}", "billing", "{environment}", "dev", "{number}", "1", "{promotion}", "1", "{step}", "build",
			"{name}", "API_KEY", "{team}", "shop", "{account}", account, "{token}", "1", "{key}", "MODE", "{domain}", "shop.example.com", "{freeze}", "1", "{provider}", "corp", "{bundle}", "1", "{trust}", "main", "{webhook}", "1", "{delivery}", "1", "{factor}", "5f0c9a12e4b7d360", "{session}", "5f0c9a12e4b7d36010a2b3c4").Replace(path)
		if op.OperationID == "setMember" || op.OperationID == "removeMember" {
			at = strings.Replace(at, account, "owner", 1) // somebody else
		}
		body := bodies[op.OperationID]
		if op.RequestBody != nil && body == "" {
			body = "{}"
		}
		resp, text := ask(t, w, method, operations.BasePath+at, body, "Authorization", "Bearer "+token)
		return resp, string(text)
	}
	if permission == slipway.PermitAnyone {
		if resp, text := call("nobody", "slp_nothing"); resp.StatusCode == http.StatusForbidden {
			t.Errorf("anyone is refused: %s", text)
		}
		return
	}
	if resp, text := call("nobody", "slp_nothing"); resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a bad token: %d %s", resp.StatusCode, text)
	}
	// First all who may not: they must leave everything as it is for the others.
	for _, allowed := range []bool{false, true} {
		for _, v := range viewers {
			access := v.May(permission, 1, "dev")
			if (access == slipway.Allowed) != allowed {
				continue
			}
			resp, text := call(v.name, v.token)
			if problem := judge(op.OperationID, access, resp.StatusCode, text); problem != "" {
				t.Errorf("%s: %s: %d %s", v.name, problem, resp.StatusCode, text)
			}
		}
	}
}

// judge holds an answer to the access that there is.
func judge(operation string, access slipway.Access, status int, text string) string {
	switch access {
	case slipway.Allowed:
		if slices.Contains([]string{"createProvider", "updateProvider", "setPassword"}, operation) { // a token, that is
			if status != http.StatusForbidden && status != http.StatusNotFound || status == http.StatusForbidden && !strings.Contains(text, "in person") {
				return "should be asked to come in person"
			}
			return ""
		}
		if status == http.StatusForbidden || status == http.StatusUnauthorized || status >= 500 {
			return "should be let in"
		}
		if operation != "deleteService" && operation != "deleteTeam" && (strings.Contains(text, "there is no service billing") || strings.Contains(text, "there is no team shop")) {
			return "should see it"
		}
	case slipway.Hidden:
		want := http.StatusNotFound
		if operation == "createService" || operation == "detectRepository" { // the team is a field of the body
			want = http.StatusBadRequest
		}
		if status != want || !strings.Contains(text, "there is no ") {
			return "should not see it"
		}
	default:
		if status != http.StatusForbidden || !strings.Contains(text, "this takes") {
			return "should be refused with what is missing"
		}
	}
	return ""
}

// TestHiddenIsAbsent compares what is hidden with what isn't there, byte by byte
// but for the name and the request's id.
func TestHiddenIsAbsent(t *testing.T) {
	w := apitest.New(t)
	w.SignedUp("owner", false, map[string]slipway.Role{"shop": slipway.RoleAdmin})
	if resp, text := ask(t, w, "POST", "/api/v1/services", `{"url":"https://git.example.com/hidden-one.git","team":"shop"}`); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	outsider := w.SignedUp("outsider", false, map[string]slipway.Role{"elsewhere": slipway.RoleAdmin})
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/services/%s", ""}, {"DELETE", "/services/%s", ""}, {"GET", "/services/%s/releases", ""}, {"GET", "/status?service=%s", ""},
		{"GET", "/promotions?service=%s", ""}, {"POST", "/services/%s/promotions", "{}"}, {"GET", "/services/%s/environments/dev/logs", ""},
		{"PUT", "/services/%s/secrets/KEY", `{"value":"hunter22"}`}, {"GET", "/services/%s/secrets", ""}, {"PATCH", "/services/%s/config", `{"set":{"A":"1"}}`},
	} {
		var texts [2]string
		var statuses [2]int
		for i, name := range []string{"hidden-one", "absent-one"} {
			resp, text := ask(t, w, c.method, "/api/v1"+fmt.Sprintf(c.path, name), c.body, "Authorization", "Bearer "+outsider, "X-Request-Id", "same")
			texts[i], statuses[i] = strings.ReplaceAll(string(text), name, "NAME"), resp.StatusCode
		}
		if statuses[0] != http.StatusNotFound || statuses[0] != statuses[1] || texts[0] != texts[1] {
			t.Errorf("%s %s: %d %s, absent %d %s", c.method, c.path, statuses[0], texts[0], statuses[1], texts[1])
		}
	}
	_, text := ask(t, w, "GET", "/api/v1/services", "", "Authorization", "Bearer "+outsider)
	if strings.Contains(string(text), "hidden-one") {
		t.Errorf("the list shows it: %s", text)
	}
}

// TestScopesNarrow calls every operation with a token of the team's admin that
// may only read.
func TestScopesNarrow(t *testing.T) {
	w := apitest.New(t)
	owner := w.SignedUp("owner", false, map[string]slipway.Role{"shop": slipway.RoleAdmin})
	if resp, text := ask(t, w, "POST", "/api/v1/services", `{"url":"https://git.example.com/billing.git","team":"shop"}`); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	narrow := func(scopes string) string {
		resp, text := ask(t, w, "POST", "/api/v1/tokens", `{"name":"narrow","scopes":`+scopes+`}`, "Authorization", "Bearer "+owner)
		if resp.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		token, _, _ := strings.Cut(strings.Split(string(text), `"token":"`)[1], `"`)
		return token
	}
	read, dev := narrow(`["read"]`), narrow(`["promote:dev"]`)
	for _, c := range []struct {
		token, method, path, body string
		status                    int
	}{
		{read, "GET", "/services/billing", "", 200},
		{read, "POST", "/services/billing/promotions", `{"environment":"dev"}`, 403},
		{read, "PATCH", "/services/billing/config", `{"set":{"A":"1"}}`, 403},
		{read, "DELETE", "/services/billing", "", 403},
		{read, "GET", "/teams/shop/webhooks", "", 200},
		{read, "POST", "/teams/shop/webhooks", `{"url":"https://hooks.example.com/slipway"}`, 403},
		{read, "POST", "/tokens", `{"name":"more","scopes":["admin"]}`, 403},
		{read, "PATCH", "/accounts/owner", `{"email":"x@example.com"}`, 403},
		{dev, "POST", "/services/billing/promotions", `{"environment":"prod"}`, 403},
		{dev, "POST", "/services/billing/promotions", `{"environment":"dev"}`, 202},
		{dev, "PUT", "/services/billing/secrets/KEY", `{"value":"hunter22"}`, 403},
	} {
		resp, text := ask(t, w, c.method, "/api/v1"+c.path, c.body, "Authorization", "Bearer "+c.token)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, resp.StatusCode, c.status, text)
		}
	}
}
