package platform_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway"
	adapter "github.com/slipway-dev/slipway/adapters/source"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
)

// gitHost is a server that is no repository, and keeps what it is sent.
type gitHost struct {
	*httptest.Server
	mu       sync.Mutex
	requests int
	tokens   []string
}

func newGitHost(t *testing.T) *gitHost {
	h := &gitHost{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.requests++
		if _, token, ok := r.BasicAuth(); ok {
			h.tokens = append(h.tokens, token)
		}
		http.NotFound(rw, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *gitHost) got() (requests int, tokens []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests, slices.Clone(h.tokens)
}

// reached is the world's source in the beginning, and then the real git.
type reached struct {
	slipway.Source
	real *adapter.Git
	on   bool
}

func (r *reached) Resolve(ctx context.Context, repo slipway.Repository, ref string) (slipway.Commit, error) {
	if r.on {
		return r.real.Resolve(ctx, repo, ref)
	}
	return r.Source.Resolve(ctx, repo, ref)
}

func (r *reached) History(context.Context, slipway.Repository, string, string, io.Writer) error {
	return slipway.Errorf(slipway.Unavailable, "no build here asks git")
}

func (r *reached) Export(ctx context.Context, repo slipway.Repository, commit, dir string, log io.Writer) error {
	return r.Source.Export(ctx, repo, commit, dir, log)
}

func realGit(w *world) *reached {
	r := &reached{Source: w.Platform.Source, real: adapter.New(adapter.Options{Dir: w.TempDir(), Secrets: w.Secrets.Get})}
	w.Platform.Source = r
	return r
}

// TestATokenGoesToItsServerAlone changes a service whose token is stored in each
// way that would carry the token to another place.
func TestATokenGoesToItsServerAlone(t *testing.T) {
	both(t, func(w *world) {
		ctx, home, elsewhere := w.Context(), newGitHost(t), newGitHost(t)
		git := realGit(w)
		s, err := w.Register(ctx, catalog.ServiceInput{Name: "private", URL: home.URL + "/private.git", Token: slipway.NewSecret("hunter2-token")})
		w.must(err)
		if !strings.HasPrefix(s.Credential, "sealed://_git/private/") {
			t.Fatalf("the credential is %q", s.Credential)
		}
		list, _, err := w.Config(ctx, "private", "dev")
		w.must(err)
		if len(list) != 0 {
			t.Errorf("the service would be given %v", list)
		}
		git.on = true
		there, token, none := elsewhere.URL+"/private.git", slipway.NewSecret("an0ther-token"), slipway.SecretRef("")
		same := slipway.SecretRef(s.Credential)
		for what, change := range map[string]catalog.ServiceChange{
			"another server":                         {URL: &there},
			"another server, with its reference":     {URL: &there, Credential: &same},
			"another scheme":                         {URL: new("https" + strings.TrimPrefix(home.URL, "http") + "/private.git")},
			"another port":                           {URL: new("http://127.0.0.1/private.git")},
			"the host as a user":                     {URL: new("http://" + strings.TrimPrefix(home.URL, "http://") + "@" + strings.TrimPrefix(there, "http://"))},
			"a path of this machine":                 {URL: new("/srv/git/private")},
			"another reference":                      {Credential: new(slipway.SecretRef("sealed://private/GIT_TOKEN"))},
			"a reference of what the platform keeps": {Credential: new(slipway.SecretRef("sealed://_platform/audit-key"))},
		} {
			_, err := w.UpdateService(ctx, "private", change)
			if e, ok := err.(*slipway.Error); !ok || e.Code != slipway.Invalid || e.Field != "token" && e.Field != "credential" && e.Field != "url" {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, h := range []*gitHost{home, elsewhere} {
			if requests, tokens := h.got(); requests > 0 {
				t.Errorf("%d requests were made before it was refused, with %q", requests, tokens)
			}
		}
		// The value itself goes to the server that it is given for, as does that of
		// nobody; and the stored one to a new place of the old server, on record.
		_, err = w.UpdateService(ctx, "private", catalog.ServiceChange{URL: &there, Token: token})
		w.want(err, slipway.Invalid, "")
		_, err = w.UpdateService(ctx, "private", catalog.ServiceChange{URL: &there, Credential: &none})
		w.want(err, slipway.Invalid, "")
		if requests, tokens := elsewhere.got(); requests == 0 || slices.ContainsFunc(tokens, func(s string) bool { return s != "an0ther-token" }) || len(tokens) == 0 {
			t.Errorf("%d requests with %q", requests, tokens)
		}
		_, err = w.UpdateService(ctx, "private", catalog.ServiceChange{URL: new(home.URL + "/moved.git")})
		w.want(err, slipway.Invalid, "")
		if requests, tokens := home.got(); requests == 0 || !slices.Contains(tokens, "hunter2-token") || slices.Contains(tokens, "an0ther-token") {
			t.Errorf("%d requests with %q", requests, tokens)
		}
		entries, err := w.Audit(ctx, audit.Query{Service: "private", Action: "service.changed"})
		w.must(err)
		if len(entries.Items) < 2 || entries.Items[0].Result != "refused" || entries.Items[1].Result != "begun" || !strings.Contains(entries.Items[1].After["url"], "moved.git") {
			t.Errorf("on record is %v", entries.Items)
		}
		// What was refused changed nothing and left nothing.
		if kept, err := w.Secrets.List(ctx, "_git/"); err != nil || !slices.Equal(kept, []slipway.SecretRef{same}) {
			t.Errorf("kept are %v (%v)", kept, err)
		}
		w.must(w.RemoveService(ctx, "private", nil))
		if kept, _ := w.Secrets.List(ctx, "_git/"); len(kept) > 0 {
			t.Errorf("left are %v", kept)
		}
	})
}

// TestWhatIsNoServiceHasNoCredential tries a repository with references, and with
// the value itself.
func TestWhatIsNoServiceHasNoCredential(t *testing.T) {
	both(t, func(w *world) {
		ctx, host := w.Context(), newGitHost(t)
		git := realGit(w)
		s, err := w.Register(ctx, catalog.ServiceInput{Name: "private", URL: host.URL + "/private.git", Token: slipway.NewSecret("hunter2-token")})
		w.must(err)
		git.on = true
		for _, name := range []string{"private", "new", ""} {
			in := catalog.ServiceInput{Name: name, URL: host.URL + "/private.git", Credential: slipway.SecretRef(s.Credential)}
			_, err := w.Detect(ctx, in)
			w.want(err, slipway.Invalid, "give the value as token")
			_, err = w.Register(ctx, in)
			w.want(err, slipway.Invalid, "give the value as token")
		}
		if requests, _ := host.got(); requests > 0 {
			t.Errorf("%d requests were made", requests)
		}
		_, err = w.Detect(ctx, catalog.ServiceInput{URL: host.URL + "/new.git", Token: slipway.NewSecret("of-the-new")})
		w.want(err, slipway.Invalid, "")
		if _, tokens := host.got(); !slices.Contains(tokens, "of-the-new") || slices.Contains(tokens, "hunter2-token") {
			t.Errorf("the server got %q", tokens)
		}
		if kept, _ := w.Secrets.List(ctx, "_git/"); len(kept) != 1 {
			t.Errorf("kept are %v", kept)
		}
	})
}

// TestCredentialsOfEarlierVersionsAreBound starts with what an earlier version
// stored, one of them under another service's name.
func TestCredentialsOfEarlierVersionsAreBound(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		w.must(w.Secrets.Set(ctx, "sealed://old/GIT_TOKEN", slipway.NewSecret("hunter2-token")))
		for name, ref := range map[string]string{"old": "sealed://old/GIT_TOKEN", "guest": "sealed://old/GIT_TOKEN", "lost": "sealed://lost/GIT_TOKEN"} {
			w.register(name)
			s, err := w.Service(ctx, name)
			w.must(err)
			w.must(w.Storage.Client.Service.UpdateOneID(s.ID).SetCredential(ref).Exec(ctx))
		}
		for range 2 {
			w.must(w.BindCredentials(ctx))
		}
		for _, name := range []string{"old", "guest"} {
			s, err := w.Service(ctx, name)
			w.must(err)
			ref := slipway.SecretRef(s.Credential)
			stored, err := w.Secrets.Get(ctx, ref)
			w.must(err)
			if value, err := slipway.OpenCredential(ref, s.Repository, stored); err != nil || value.Reveal() != "hunter2-token" || !strings.HasPrefix(ref.Name(), "_git/"+name+"/") {
				t.Errorf("%s has %s: %v", name, ref, err)
			}
		}
		if s, err := w.Service(ctx, "lost"); err != nil || s.Credential != "sealed://lost/GIT_TOKEN" {
			t.Errorf("what is lost is %v (%v)", s, err)
		}
		if kept, _ := w.Secrets.List(ctx, ""); slices.Contains(kept, "sealed://old/GIT_TOKEN") || len(kept) < 2 {
			t.Errorf("kept are %v", kept)
		}
	})
}

// TestReplacedTokensGo keeps a token that was replaced while a promotion that
// began with it is under way, and no longer.
func TestReplacedTokensGo(t *testing.T) {
	both(t, func(w *world) {
		ctx := w.Context()
		first, err := w.Register(ctx, catalog.ServiceInput{Name: "private", URL: "https://git.example.com/private.git", Token: slipway.NewSecret("hunter2-token")})
		w.must(err)
		id := w.promotion("private", "dev", false)
		n, err := strconv.Atoi(id)
		w.must(err)
		w.must(w.Storage.Client.Promotion.UpdateOneID(n).SetInput([]byte(`{"Repository":{"url":"https://git.example.com/private.git","credential":"` + first.Credential + `"}}`)).Exec(ctx))
		second, err := w.UpdateService(ctx, "private", catalog.ServiceChange{Token: slipway.NewSecret("an0ther-token")})
		w.must(err)
		for _, want := range []int{2, 1} {
			w.must(w.Retain(ctx, 0))
			kept, err := w.Secrets.List(ctx, "_git/")
			if err != nil || len(kept) != want || !slices.Contains(kept, slipway.SecretRef(second.Credential)) {
				t.Errorf("kept are %v (%v), want %d", kept, err, want)
			}
			w.must(w.ledger.Promotion(ctx, slipway.PromotionEvent{Promotion: id, State: slipway.PromotionFailed}))
		}
	})
}
