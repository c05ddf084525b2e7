package api_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
)

// statusRules say which operations can be refused with what. An operation has
// the statuses of the rules that fit it and no other, so a caller is told of all
// that can come and of nothing else.
var statusRules = []struct {
	status int
	answer string // the response of the contract
	fits   func(o operation) bool
}{
	{400, "NotGranted", func(o operation) bool { return o.is("grantToken") }},
	// An unknown parameter alone is refused, and every operation can be given one.
	{400, "Invalid", func(o operation) bool { return !o.is("grantToken") }},
	{401, "Unauthenticated", func(o operation) bool {
		return !o.public || o.is("signIn", "finishSignIn", "finishPasskeySignIn", "refreshSession")
	}},
	// Who has no part in what a team owns is told that it isn't there, so reading it is never denied. A page of
	// another site can make a browser send everything else.
	{403, "Denied", func(o operation) bool {
		return o.method != http.MethodGet || slices.Contains([]slipway.Permission{slipway.PermitSelf, slipway.PermitPlatform, slipway.PermitWebhookRead}, o.permission) ||
			o.is("getAccount", "listAccounts", "listTeams") // which aren't for CI jobs
	}},
	{404, "NotFound", func(o operation) bool {
		return strings.Contains(o.path, "{") ||
			o.is("getStatus", "getDelivery", "listHolds", "listPromotions", "listTokens") || // by the service, team, environment or account of a query
			o.is("acceptInvitation", "createBundle", "createFreeze", "createInvitation", "createToken", "planBundle") // by that of a body
	}},
	{409, "Conflict", func(o operation) bool {
		return o.takes("Idempotency-Key") || // the same call may be under way
			o.is("acceptInvitation", "detectRepository") || // a name is taken
			o.is("deleteService", "deleteTeam", "updateAccount", "updateConfig", "deleteProvider", "updateProvider", "updateSignIn") || // something else stands on what is there
			o.is("adoptUnrecorded", "endUnrecorded") || // it can't be put on record, or another one runs by now
			o.is("updateEnvironment") || // the order may be changed by two at once
			o.is("planBundle", "planPromotion", "planRollback", "renderConfig", "steerCanary") || // there is no release for it, or it is over
			o.is("getStepLog") || // too long for one text
			o.is("listTokens", "revokeToken", "setPassword", "signOut") || // whoever asks has none
			o.is("addPasskey", "beginPasskey", "beginPasskeyProof", "beginPasskeySignIn", "beginTotp", "finishPasskeySignIn", "confirmFactor", "finishSignIn", "proveSession", "removeFactor", "renewRecoveryCodes", "resetFactors") // it takes a session of somebody else, or half a one
	}},
	{412, "Outdated", func(o operation) bool { return o.takes("If-Match") }},
	{413, "TooLarge", func(o operation) bool { return o.body }},
	{415, "UnsupportedMediaType", func(o operation) bool { return o.body }},
	{421, "Misdirected", func(operation) bool { return true }},
	{422, "KeyReused", func(o operation) bool { return o.takes("Idempotency-Key") }},
	{422, "Refused", func(o operation) bool { return o.is("planBundle", "planPromotion", "planRollback", "renderConfig") }}, // they render
	{429, "Limited", func(operation) bool { return true }},
	{500, "Internal", func(operation) bool { return true }},
	{503, "Unavailable", func(o operation) bool { return !o.is("getVersion") }}, // which needs nothing
}

// operation is what the rules ask about.
type operation struct {
	id, method, path string
	permission       slipway.Permission
	public, body     bool
	headers          []string
}

func (o operation) is(ids ...string) bool    { return slices.Contains(ids, o.id) }
func (o operation) takes(header string) bool { return slices.Contains(o.headers, header) }
func operationAt(method, path string, item *openapi3.PathItem, op *openapi3.Operation) operation {
	name, _ := op.Extensions["x-permission"].(string)
	o := operation{id: op.OperationID, method: method, path: path, permission: slipway.Permission(name), body: op.RequestBody != nil}
	o.public = o.permission == slipway.PermitAnyone
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		if p.Value.In == "header" {
			o.headers = append(o.headers, p.Value.Name)
		}
	}
	return o
}

// TestStatusesByRule holds the statuses that each operation documents to the
// rules, and to being each a name that one explanation stands behind.
func TestStatusesByRule(t *testing.T) {
	for path, item := range spec(t).Paths.Map() {
		for method, op := range item.Operations() {
			o := operationAt(method, path, item, op)
			var want []string
			for _, rule := range statusRules {
				if rule.fits(o) {
					want = append(want, strconv.Itoa(rule.status)+" "+rule.answer)
				}
			}
			var got []string
			for status, answer := range op.Responses.Map() {
				if name, ok := strings.CutPrefix(answer.Ref, "#/components/responses/"); ok {
					got = append(got, status+" "+name)
				} else if status[0] != '2' {
					t.Errorf("%s: %s is no success, and no $ref to what it means", o.id, status)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s answers with\n%q, by the rules it is\n%q", o.id, got, want)
			}
		}
	}
}

// TestWhatIsNotTakenIsNotRead: an operation without a body has none that could
// be too large, with an Idempotency-Key or without.
func TestWhatIsNotTakenIsNotRead(t *testing.T) {
	w := apitest.New(t)
	large := strings.Repeat("a", 2*api.MaxBody)
	if resp, text := ask(t, w, "GET", "/api/v1/version", large); resp.StatusCode != http.StatusOK {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	for range 2 {
		if resp, text := ask(t, w, "POST", "/api/v1/signing-keys/rotate", large, "Idempotency-Key", "rotate-1"); resp.StatusCode != http.StatusNoContent {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
	}
}

// TestRefusalsSayWhatToDo looks at the headers of those that the handlers make
// themselves; that they are there, and which, is held for every answer.
func TestRefusalsSayWhatToDo(t *testing.T) {
	w := apitest.New(t)
	signIn := func() *http.Response {
		resp, _ := ask(t, w, "POST", "/api/v1/session", `{"name":"ada","password":"a wrong password"}`)
		return resp
	}
	resp := signIn()
	if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(got, "Bearer") {
		t.Errorf("a wrong password: %d %q", resp.StatusCode, got)
	}
	for range 30 {
		if resp.StatusCode != http.StatusTooManyRequests {
			resp = signIn()
		}
	}
	if after, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || after < 1 || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("wrong passwords without end: %d %v", resp.StatusCode, resp.Header)
	}
}
