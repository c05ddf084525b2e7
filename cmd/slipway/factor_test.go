package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/identity"
)

// typist answers prompts with lines that are made when they are asked for.
type typist struct {
	lines []func() string
	rest  bytes.Buffer
}

func (t *typist) Read(b []byte) (int, error) {
	if t.rest.Len() == 0 && len(t.lines) > 0 {
		t.rest.WriteString(t.lines[0]() + "\n")
		t.lines = t.lines[1:]
	}
	return t.rest.Read(b)
}

// TestLoginWithACode adds an app on the command line and signs in with it.
func TestLoginWithACode(t *testing.T) {
	w := apitest.New(t)
	w.Address = w.URL
	const password = "correct horse battery staple"
	if _, err := w.AddAccount(slipway.WithViewer(t.Context(), slipway.System("test")), identity.AccountInput{Name: "bob", Password: slipway.NewSecret(password)}); err != nil {
		t.Fatal(err)
	}
	env, at := home(t, nil), time.Now()
	slip := func(exit int, in *typist, args ...string) (stdout, stderr *console) {
		t.Helper()
		stdout, stderr = &console{}, &console{}
		if in == nil {
			in = &typist{}
		}
		if code := run(t.Context(), args, in, stdout, stderr, env); code != exit {
			t.Fatalf("%v: %d\n%s%s", args, code, stdout, stderr)
		}
		return stdout, stderr
	}
	said := func(text string) func() string { return func() string { return text } }
	slip(0, &typist{lines: []func() string{said(password)}}, "login", w.URL, "--name", "bob")
	secret := ""
	code := func(step int) string {
		text, err := totp.GenerateCode(secret, at.Add(time.Duration(step)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	stdout, stderr := &console{}, &console{}
	in := &typist{lines: []func() string{said(password), func() string {
		secret = regexp.MustCompile(`secret ([A-Z2-7]+)`).FindStringSubmatch(stderr.String())[1]
		return code(0)
	}}}
	if exit := run(t.Context(), []string{"factor", "add", "telephone"}, in, stdout, stderr, env); exit != 0 || len(strings.Fields(stdout.String())) != 10 {
		t.Fatalf("%d\n%s%s", exit, stdout, stderr)
	}
	recovery := strings.Fields(stdout.String())
	if out, _ := slip(0, nil, "factor", "ls"); !strings.Contains(out.String(), "telephone") {
		t.Errorf("%s", out)
	}
	slip(1, &typist{lines: []func() string{said(password), said("000000")}}, "login", w.URL, "--name", "bob")
	_, out := slip(0, &typist{lines: []func() string{said(password), said(code(1))}}, "login", w.URL, "--name", "bob")
	if !strings.Contains(out.String(), "as bob") {
		t.Errorf("%s", out)
	}
	id := strings.Fields(strings.Split(func() string { out, _ := slip(0, nil, "factor", "ls"); return out.String() }(), "\n")[1])[0]
	slip(0, &typist{lines: []func() string{said(password), said(recovery[0])}}, "factor", "rm", id)
	slip(0, &typist{lines: []func() string{said(password)}}, "login", w.URL, "--name", "bob")
}
