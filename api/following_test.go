package api_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/identity"
)

// opened begins to follow a promotion.
func opened(t *testing.T, w *apitest.World, token string, id int) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s/api/v1/promotions/%d/events", w.URL, id), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// ends tells whether a stream ends soon.
func ends(t *testing.T, resp *http.Response) bool {
	t.Helper()
	over := make(chan struct{})
	go func() { defer close(over); _, _ = io.Copy(io.Discard, resp.Body) }()
	select {
	case <-over:
		return true
	case <-time.After(20 * time.Second):
		return false
	}
}

// TestStreamsAreCounted has one account open 950 streams while another wants one.
func TestStreamsAreCounted(t *testing.T) {
	w := apitest.New(t)
	w.Hold = make(chan struct{})
	t.Cleanup(func() { close(w.Hold) })
	register(t, w, "billing")
	p := promote(t, w, "billing", `{}`)
	greedy, modest := w.SignedUp("greedy", true, nil), w.SignedUp("modest", true, nil)
	open, refused := []*http.Response{}, 0
	for range 950 {
		resp := opened(t, w, greedy, p.Id)
		switch resp.StatusCode {
		case http.StatusOK:
			open = append(open, resp)
		case http.StatusTooManyRequests:
			text, _ := io.ReadAll(resp.Body)
			if refused++; resp.Header.Get("Retry-After") == "" || !strings.Contains(string(text), "close some") {
				t.Fatalf("%v %s", resp.Header, text)
			}
			_ = resp.Body.Close()
		default:
			t.Fatal(resp.Status)
		}
	}
	if len(open) != identity.StreamsPerAccount || refused != 950-identity.StreamsPerAccount {
		t.Errorf("%d are open, %d were refused", len(open), refused)
	}
	if resp := opened(t, w, modest, p.Id); resp.StatusCode != http.StatusOK {
		t.Errorf("another account: %s", resp.Status)
	}
	// One that is closed makes room for another.
	_ = open[0].Body.Close()
	for began := time.Now(); ; {
		resp := opened(t, w, greedy, p.Id)
		if resp.StatusCode == http.StatusOK {
			break
		}
		_ = resp.Body.Close()
		if time.Since(began) > 20*time.Second {
			t.Fatal("a closed stream still counts")
		}
	}
}

// TestStreamsEndWithTheAccess follows a promotion as people who lose their access
// in each of the ways, and as one who keeps it.
func TestStreamsEndWithTheAccess(t *testing.T) {
	w := apitest.New(t)
	w.Hold = make(chan struct{})
	t.Cleanup(func() { close(w.Hold) })
	admin := slipway.WithViewer(context.Background(), slipway.System("test"))
	keeps := w.SignedUp("keeps", false, map[string]slipway.Role{"shop": slipway.RoleViewer})
	if resp, text := ask(t, w, "POST", "/api/v1/services", `{"url":"https://example.com/shop.git","name":"till","team":"shop"}`); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	p := promote(t, w, "till", `{}`)
	stays := opened(t, w, keeps, p.Id)
	off := false
	for how, lose := range map[string]func(name string) error{
		"its token is revoked": func(name string) error {
			a, err := w.Account(admin, name)
			if err != nil {
				return err
			}
			own := slipway.WithViewer(context.Background(), slipway.Viewer{Kind: slipway.ViewerPerson, Account: a.ID, Name: name})
			tokens, err := w.Tokens(own, name)
			if err != nil {
				return err
			}
			return w.RevokeToken(own, tokens[0].ID)
		},
		"the account is made inactive": func(name string) error {
			_, err := w.UpdateAccount(admin, name, identity.AccountChange{Active: &off})
			return err
		},
		"the membership ends": func(name string) error { return w.RemoveMember(admin, "shop", name, nil) },
		"the role changes": func(name string) error {
			_, err := w.SetMember(admin, "shop", name, slipway.RoleDeveloper, nil)
			return err
		},
	} {
		name := "loses-" + strings.ReplaceAll(strings.Fields(how)[1], "'", "")
		token := w.SignedUp(name, false, map[string]slipway.Role{"shop": slipway.RoleViewer})
		resp := opened(t, w, token, p.Id)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", how, resp.Status)
		}
		began := time.Now()
		if err := lose(name); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if !ends(t, resp) {
			t.Errorf("%s: the stream goes on", how)
		}
		t.Logf("%s: over after %s", how, time.Since(began))
	}
	buffer := make([]byte, 1)
	if _, err := io.ReadFull(stays.Body, buffer); err != nil {
		t.Errorf("who keeps the access: %v", err)
	}
}
