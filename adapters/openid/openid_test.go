package openid_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/openid"
	"github.com/slipway-dev/slipway/adapters/openid/openidtest"
	"github.com/slipway-dev/slipway/egress"
)

func TestZitadel(t *testing.T) {
	openidtest.Run(t, openid.New(http.DefaultClient), openidtest.NewServer(t))
}

func TestNode(t *testing.T) {
	openidtest.Run(t, openid.New(http.DefaultClient), openidtest.NewNode(t))
}

// TestLies rewrites the ID tokens of a real provider: each of them must not be
// believed.
func TestLies(t *testing.T) {
	p := openidtest.NewServer(t)
	openid, c := openid.New(http.DefaultClient), openidtest.Client(p)
	with := func(name string, value any) func(jwt.MapClaims) string {
		return func(claims jwt.MapClaims) string { claims[name] = value; return p.Sign(claims) }
	}
	future, past := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Minute).Unix()
	for _, lie := range []struct {
		name    string
		rewrite func(jwt.MapClaims) string
		code    slipway.Code
	}{
		{"signed again", p.Sign, ""},
		{"wrong audience", with("aud", "another-program"), slipway.Unauthenticated},
		{"several audiences, made for another", func(claims jwt.MapClaims) string {
			claims["aud"], claims["azp"] = []string{"slipway", "other"}, "other"
			return p.Sign(claims)
		}, slipway.Unauthenticated},
		{"expired", with("exp", past), slipway.Unauthenticated},
		{"no end", func(claims jwt.MapClaims) string { delete(claims, "exp"); return p.Sign(claims) }, slipway.Unauthenticated},
		{"of the future", with("iat", future), slipway.Unauthenticated},
		{"not yet good", with("nbf", future), slipway.Unauthenticated},
		{"wrong nonce", with("nonce", "replayed"), slipway.Unauthenticated},
		{"no nonce", func(claims jwt.MapClaims) string { delete(claims, "nonce"); return p.Sign(claims) }, slipway.Unauthenticated},
		{"foreign issuer", with("iss", "https://evil.example.com"), slipway.Unauthenticated},
		{"nobody", with("sub", ""), slipway.Unauthenticated},
		{"somebody else than at userinfo", with("sub", "bert"), slipway.Unauthenticated},
		{"alg none", p.Unsigned, slipway.Unauthenticated},
		{"HS256 with the public key", p.Confused, slipway.Unauthenticated},
		{"signed by somebody else", p.SignForeign, slipway.Unauthenticated},
		{"changed after signing", func(claims jwt.MapClaims) string {
			return openidtest.Tampered(t, p.Sign(claims), func(m map[string]any) { m["name"] = "Eve" })
		}, slipway.Unauthenticated},
		{"nonsense", func(jwt.MapClaims) string { return "a.b.c" }, slipway.Unauthenticated},
	} {
		t.Run(lie.name, func(t *testing.T) {
			p.Rewrite(nil)
			challenge := openidtest.Challenge()
			address, err := openid.Begin(t.Context(), c, challenge)
			if err != nil {
				t.Fatal(err)
			}
			back, err := url.Parse(p.SignIn(t, address, "ada"))
			if err != nil {
				t.Fatal(err)
			}
			p.Rewrite(lie.rewrite)
			person, err := openid.Redeem(t.Context(), c, challenge, slipway.NewSecret(back.Query().Get("code")))
			if slipway.CodeOf(err) != lie.code {
				t.Errorf("%+v, %v", person, err)
			}
		})
	}
}

// TestJobs reads tokens of CI jobs.
func TestJobs(t *testing.T) {
	p := openidtest.NewServer(t)
	openid := openid.New(http.DefaultClient)
	job := func() jwt.MapClaims { return p.Job("slipway", "repo:shop/billing:ref:refs/heads/main") }
	with := func(name string, value any) string { c := job(); c[name] = value; return p.Sign(c) }
	for _, c := range []struct {
		name, token string
		good        bool
	}{
		{"good", p.Sign(job()), true},
		{"wrong audience", with("aud", "somebody-else"), false},
		{"no audience", with("aud", nil), false},
		{"expired", with("exp", time.Now().Add(-time.Second).Unix()), false},
		{"not yet", with("nbf", time.Now().Add(2*time.Minute).Unix()), false},
		{"of the future", with("iat", time.Now().Add(2*time.Minute).Unix()), false},
		{"foreign issuer", with("iss", "https://token.actions.githubusercontent.com"), false},
		{"alg none", p.Unsigned(job()), false},
		{"HS256 with the public key", p.Confused(job()), false},
		{"signed by somebody else", p.SignForeign(job()), false},
		{"changed", openidtest.Tampered(t, p.Sign(job()), func(m map[string]any) { m["sub"] = "repo:shop/other" }), false},
	} {
		got, err := openid.Verify(t.Context(), p.Issuer(), []string{"other", "slipway"}, slipway.NewSecret(c.token))
		if c.good != (err == nil) || !c.good && slipway.CodeOf(err) != slipway.Unauthenticated {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
		if c.good && (got.Subject != "repo:shop/billing:ref:refs/heads/main" || got.ID == "" || time.Until(got.Expires) < time.Minute) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestRotation follows a provider to its next key, and asks it a few times only
// for keys that nobody has.
func TestRotation(t *testing.T) {
	p := openidtest.NewServer(t)
	asked, began := 0, time.Now()
	openid := openid.New(&http.Client{Transport: counting(func(path string) {
		if strings.Contains(path, "keys") {
			asked++
		}
	})})
	verify := func(token string) error {
		_, err := openid.Verify(t.Context(), p.Issuer(), []string{"slipway"}, slipway.NewSecret(token))
		return err
	}
	for range 3 {
		if err := verify(p.Sign(p.Job("slipway", "job"))); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("the keys were asked for %d times", asked)
	}
	old := p.Sign(p.Job("slipway", "job"))
	p.Rotate(t)
	if err := verify(p.Sign(p.Job("slipway", "job"))); err != nil {
		t.Errorf("the next key: %v", err)
	}
	// go-oidc answers with the new keys a moment before it forgets the old ones.
	deadline := time.Now().Add(time.Minute)
	for err := verify(old); slipway.CodeOf(err) != slipway.Unauthenticated; err = verify(old) {
		if time.Now().After(deadline) {
			t.Fatalf("a key that was taken back: %v", err)
		}
	}
	for range 50 {
		if err := verify(p.SignForeign(p.Job("slipway", "job"))); slipway.CodeOf(err) != slipway.Unauthenticated {
			t.Fatal(err)
		}
	}
	// Five at once, and one more in ten seconds.
	if most := 6 + int(time.Since(began)/(10*time.Second)); asked > most {
		t.Errorf("the keys were asked for %d times, and not %d at most", asked, most)
	}
	if err := verify(p.Sign(p.Job("slipway", "job"))); err != nil {
		t.Errorf("a good token among bad ones: %v", err)
	}
}

type counting func(path string)

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c(r.URL.Path)
	return http.DefaultTransport.RoundTrip(r)
}

// TestGuarded doesn't ask what the platform may not reach, and says so.
func TestGuarded(t *testing.T) {
	guard, err := egress.New(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := openidtest.NewServer(t)
	err = openid.New(guard.Client(egress.Bounds{})).Discover(t.Context(), p.Issuer())
	if slipway.CodeOf(err) != slipway.Invalid || !strings.Contains(err.Error(), "--allow-outgoing") {
		t.Error(err)
	}
}

// TestMalicious reads what providers of ill will say of themselves.
func TestMalicious(t *testing.T) {
	var says string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case says == "redirect":
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		case says == "endless":
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
					return
				}
			}
		default:
			fmt.Fprintf(w, `{"issuer":%q,%s}`, server.URL, says)
		}
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct{ name, says string }{
		{"a script for the browser", `"authorization_endpoint":"javascript:alert(1)","token_endpoint":"https://a/","jwks_uri":"https://a/"`},
		{"tokens in clear", `"authorization_endpoint":"https://a/","token_endpoint":"http://inside.example/","jwks_uri":"https://a/"`},
		{"keys in clear", `"authorization_endpoint":"https://a/","token_endpoint":"https://a/","jwks_uri":"http://inside.example/"`},
		{"no keys", `"authorization_endpoint":"https://a/","token_endpoint":"https://a/"`},
		{"another issuer", `"issuer":"https://login.example.com"`},
		{"not JSON", `"`},
		{"sent elsewhere", "redirect"},
		{"endless", "endless"},
	} {
		says = c.says
		if err := openid.New(server.Client()).Discover(t.Context(), server.URL); slipway.CodeOf(err) != slipway.Invalid {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
