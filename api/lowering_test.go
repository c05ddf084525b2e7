package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/operations"
)

// What an operation can do to what a gate asks, or to who counts there.
const (
	raises  = "raises at most"
	lowers  = "can lower it: that takes an admin of the platform in person"
	decides = "decides by the rules of the gate"
	neutral = "no effect on gates"
)

// gateEffects classify every operation that changes anything, each with the reason.
// A new one is to be classified, and what lowers gets an attack below.
var gateEffects = []struct {
	effect, why string
	operations  []string
}{
	{lowers, "what is asked", []string{"updateEnvironment", "updatePolicy", "resetPolicy"}},
	{lowers, "a path, or a team, that leads past it; what its name was asked before", []string{"updateService", "createService"}},
	{lowers, "a freeze", []string{"liftFreeze"}},
	{lowers, "who is who, and so who approves and who is an admin in person", []string{"createAccount", "updateAccount", "setPassword", "resetFactors", "createProvider", "updateProvider"}},

	{raises, "new environments are behind those before them, and ask nothing of others", []string{"createEnvironment"}},
	{raises, "a freeze more", []string{"createFreeze"}},
	{raises, "what was asked under a name is remembered", []string{"deleteService"}},
	{raises, "a team that a policy names as approver stays", []string{"deleteTeam"}},
	{raises, "somebody less comes in", []string{"deleteProvider", "deleteTrust", "revokeToken"}},

	{decides, "approvals count by the policy and whose change it is; an exemption takes somebody in person; breaking the glass is an admin's, and by a token has a scope of its own", []string{"createDecision"}},
	{decides, "asks for what then stands at the gates; what may be skipped is the policy's to say", []string{"createPromotion", "createBundle", "retryPromotion", "rollback"}},
	{decides, "who is in a team says yes himself; whom the owner of a change invited doesn't count", []string{"setMember", "removeMember", "createInvitation", "acceptInvitation"}},

	{neutral, "moves the plan, so that what was said is void", []string{"updateConfig", "restoreConfig", "setSecret", "deleteSecret"}},
	{neutral, "a hold stops what is automatic; promoting by hand goes on with or without it", []string{"placeHold", "releaseHold"}},
	{neutral, "what a promotion brought there runs already: it ends, or is on record as verified, by the word of who goes back there alone, in person where others would approve, and not as tested", []string{"adoptUnrecorded", "endUnrecorded"}},
	{neutral, "after the gates", []string{"steerCanary", "cancelPromotion"}},
	{neutral, "what runs stays as it is, and a maintainer says under which names it is found", []string{"createDomain", "deleteDomain"}},
	{neutral, "changes nothing", []string{"detectRepository", "detectService", "planPromotion", "planRollback", "planBundle", "renderConfig"}},
	{neutral, "acts within what its maker may, and its maker's change is not another's", []string{"createToken", "createTrust", "grantToken"}},
	{neutral, "one's own, by what one has", []string{
		"signIn", "signOut", "refreshSession", "finishSignIn", "beginPasskeySignIn", "finishPasskeySignIn", "beginPasskeyProof", "proveSession", "endSession",
		"beginTotp", "beginPasskey", "addPasskey", "confirmFactor", "removeFactor", "renewRecoveryCodes", "beginDevice",
	}},
	{neutral, "tells others, or is about the platform itself", []string{
		"createWebhook", "updateWebhook", "deleteWebhook", "rotateWebhookSecret", "pingWebhook", "replayWebhookDelivery", "createTeam", "updateSignIn", "rotateSigningKeys",
	}},
}

// TestEveryOperationIsClassified holds that nobody adds an operation without having
// said what it does to gates.
func TestEveryOperationIsClassified(t *testing.T) {
	said := map[string]string{}
	for _, e := range gateEffects {
		for _, id := range e.operations {
			if said[id] != "" {
				t.Errorf("%s is classified twice", id)
			}
			said[id] = e.effect
		}
	}
	for _, item := range spec(t).Paths.Map() {
		for method, op := range item.Operations() {
			switch known := said[op.OperationID] != ""; {
			case method == http.MethodGet && known:
				t.Errorf("%s only looks, and needs no class", op.OperationID)
			case method != http.MethodGet && !known:
				t.Errorf("say in gateEffects what %s does to what a gate asks, and to who counts there", op.OperationID)
			}
			delete(said, op.OperationID)
		}
	}
	for id := range said {
		t.Errorf("there is no operation %s", id)
	}
	for _, e := range gateEffects {
		for _, id := range e.operations {
			tried := slices.ContainsFunc(lowering, func(l attack) bool { return l.operation == id })
			if tried != (e.effect == lowers) {
				t.Errorf("%s %s, and is tried: %v", id, e.effect, tried)
			}
		}
	}
}

type attack struct{ operation, method, path, body string }

// lowering are the ways to lower a gate, in an order in which each is one.
var lowering = []attack{
	{"updatePolicy", "PATCH", "/services/billing/environments/prod/policy", `{"approvals":4}`},
	{"resetPolicy", "DELETE", "/services/billing/environments/prod/policy", ""},
	{"updateEnvironment", "PATCH", "/environments/prod", `{"policy":{"approvals":2}}`},
	{"updateEnvironment", "PATCH", "/environments/test", `{"position":1}`},
	{"updateService", "PATCH", "/services/billing", `{"environments":["prod"]}`},
	{"updateService", "PATCH", "/services/billing", `{"team":"elsewhere"}`},
	{"createService", "POST", "/services", `{"url":"https://git.example.com/second.git","name":"second","team":"shop","environments":["prod"]}`},
	{"liftFreeze", "DELETE", "/freezes/1", ""},
	{"createAccount", "POST", "/accounts", `{"name":"eve","admin":true}`},
	{"updateAccount", "PATCH", "/accounts/grace", `{"email":"eve@example.com"}`},
	{"updateAccount", "PATCH", "/accounts/grace", `{"admin":true}`},
	{"setPassword", "PUT", "/accounts/grace/password", `{"password":"a whole new password"}`},
	{"resetFactors", "DELETE", "/accounts/grace/factors", ""},
	{"createProvider", "POST", "/providers", `{"name":"corp","issuer":"https://login.example.com","client_id":"slipway","client_secret":"hunter22"}`},
	{"updateProvider", "PATCH", "/providers/corp", `{"groups":[{"group":"ops","admin":true}]}`},
}

// TestNoTokenLowersAGate tries each with the token of an admin that nothing
// narrows, and then as the same in person.
func TestNoTokenLowersAGate(t *testing.T) {
	w := apitest.New(t)
	w.SignedUp("grace", false, map[string]slipway.Role{"shop": slipway.RoleMaintainer, "elsewhere": slipway.RoleMaintainer})
	for _, c := range []struct{ method, path, body string }{ // which raise
		{"POST", "/services", `{"url":"https://git.example.com/billing.git","team":"shop"}`},
		{"PATCH", "/environments/prod", `{"policy":{"approvals":3}}`},
		{"PATCH", "/services/billing/environments/prod/policy", `{"approvals":5}`},
		{"POST", "/freezes", `{"reason":"the audit","environment":"prod","starts_at":"2099-01-01T00:00:00Z","ends_at":"2099-01-02T00:00:00Z"}`},
	} {
		if resp, text := ask(t, w, c.method, operations.BasePath+c.path, c.body); resp.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %s", c.method, c.path, resp.StatusCode, text)
		}
	}
	present := w.InPerson("present")
	for _, l := range lowering {
		resp, text := ask(t, w, l.method, operations.BasePath+l.path, l.body)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(text), "takes an admin of the platform in person, and no token or program; sign in and do it yourself") {
			t.Errorf("%s %s by a token: %d %s", l.operation, l.body, resp.StatusCode, text)
		}
		resp, text = ask(t, w, l.method, operations.BasePath+l.path, l.body, "Authorization", "Bearer "+present)
		if resp.StatusCode >= 300 {
			t.Errorf("%s %s in person: %d %s", l.operation, l.body, resp.StatusCode, text)
		}
	}
}
