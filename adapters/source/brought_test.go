package source_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/adapters/source/sourcetest"
)

// TestWhatACredentialBrought asks for a commit of a private repository that another
// service's credential has brought here: by its full id, as a submodule names it,
// without a credential, and with one that the server refuses.
func TestWhatACredentialBrought(t *testing.T) {
	const token = "t0ken-of-the-team"
	r := sourcetest.NewRepo(t)
	commit := r.Commit("a.txt", "theirs alone")
	private := serve(t, r, func(w http.ResponseWriter, req *http.Request) bool {
		_, password, _ := req.BasicAuth()
		if password != token {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "who are you?", http.StatusUnauthorized)
		}
		return password == token
	})
	g := newSource(t, source.Options{Secrets: keep(private.URL, map[slipway.SecretRef]string{"sealed://_git/x/right": token, "sealed://_git/y/wrong": "wr0ng"})})
	private.Credential = "sealed://_git/x/right"
	if _, _, err := export(t, g, private, commit); err != nil {
		t.Fatal(err)
	}
	outer := sourcetest.NewRepo(t)
	outer.Commit("b.txt", "two")
	outer.Git("update-index", "--add", "--cacheinfo", "160000,"+commit+",sub")
	outer.Write(".gitmodules", "[submodule \"s\"]\n\tpath = sub\n\turl = "+private.URL+"\n", 0o644)
	outer.Git("add", ".gitmodules")
	outer.Git("commit", "-q", "-m", "Somebody else's")
	if _, _, err := export(t, g, outer.File(), outer.Git("rev-parse", "HEAD")); err == nil || !strings.Contains(err.Error(), "private") {
		t.Errorf("as a submodule: %v", err)
	}
	for _, credential := range []slipway.SecretRef{"", "sealed://_git/y/wrong"} {
		private.Credential = credential
		if _, _, err := export(t, g, private, commit); err == nil || !strings.Contains(err.Error(), "private") {
			t.Errorf("with the credential %q: %v", credential, err)
		}
		if log, err := g.Log(t.Context(), private, "", commit, 10); err == nil {
			t.Errorf("its history, with the credential %q: %v", credential, log)
		}
	}
}
