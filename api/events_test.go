package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/api/client"
	"github.com/slipway-dev/slipway/api/operations"
)

func promote(t *testing.T, w *apitest.World, service, body string) operations.Promotion {
	t.Helper()
	resp, text := ask(t, w, "POST", "/api/v1/services/"+service+"/promotions", body)
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	var p operations.Promotion
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func connect(t *testing.T, w *apitest.World) *client.ClientWithResponses {
	t.Helper()
	return connectTo(t, w.URL, w.Token)
}

func connectTo(t *testing.T, url, token string) *client.ClientWithResponses {
	t.Helper()
	c, err := client.NewClientWithResponses(url+"/api/v1/", client.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
		req.Header.Set("Authorization", "Bearer "+token)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// follow reads a promotion to its end, bounded.
func follow(t *testing.T, f *client.Follower, id int) []client.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var events []client.Event
	f.On = func(e client.Event) error { events = append(events, e); return nil }
	if err := f.Follow(ctx, id); err != nil {
		t.Fatal(err)
	}
	return events
}

func TestAPromotionThroughTheAPI(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	resp, text := ask(t, w, "POST", "/api/v1/services/billing/plan", `{}`)
	if resp.StatusCode != 200 || !strings.Contains(string(text), `"state":"pending"`) {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	p := promote(t, w, "billing", `{}`)
	if p.Service != "billing" || p.Environment != "dev" || len(p.Steps) == 0 {
		t.Errorf("%+v", p)
	}
	events := follow(t, &client.Follower{Client: connect(t, w)}, p.Id)
	names := map[string]int{}
	for _, e := range events {
		names[e.Name]++
	}
	if names["step"] < 2*len(p.Steps) || names["log"] != 2*len(p.Steps) || events[len(events)-1].Name != "promotion" {
		t.Errorf("%v", names)
	}
	for _, path := range []string{
		"/promotions", "/promotions/1", "/promotions?service=billing&environment=dev&state=succeeded", "/promotions/1/steps/build/log",
		"/services/billing/releases", "/services/billing/releases/1", "/services/billing/releases/1/sbom", "/status", "/status?service=billing",
		"/services/billing/environments/dev/deployments", "/services/billing/environments/dev/logs", "/services/billing/config?environment=dev",
	} {
		resp, text := ask(t, w, "GET", "/api/v1"+path, "")
		if resp.StatusCode != 200 || len(text) < 20 && !strings.HasSuffix(path, "/logs") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	_, text = ask(t, w, "GET", "/api/v1/promotions/1/steps/build/log?format=text", "")
	if string(text) != "begin build\nend build\n" {
		t.Errorf("%q", text)
	}
	resp, text = ask(t, w, "POST", "/api/v1/services/billing/config/render", `{"environment":"dev"}`)
	if resp.StatusCode != 200 || !strings.Contains(string(text), `"key":"MODE"`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	resp, text = ask(t, w, "PATCH", "/api/v1/services/billing/config?environment=dev", `{"set":{"API_TOKEN":"x","MODE":"loud"}}`)
	if resp.StatusCode != 200 || !strings.Contains(string(text), "looks like a secret") || !strings.Contains(string(text), `"value":"loud","layer"`) && !strings.Contains(string(text), `"loud"`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if resp, text = ask(t, w, "POST", "/api/v1/promotions/1/cancel", ""); resp.StatusCode != 409 {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if resp, text = ask(t, w, "POST", "/api/v1/services/billing/environments/dev/rollback", `{}`); resp.StatusCode != 409 {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}

func TestPages(t *testing.T) {
	w := apitest.New(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		register(t, w, name)
	}
	var got []string
	for cursor := ""; ; {
		_, text := ask(t, w, "GET", "/api/v1/services?limit=2&cursor="+cursor, "")
		var page operations.ServicePage
		if err := json.Unmarshal(text, &page); err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Items {
			got = append(got, s.Name)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Error(got)
	}
}

// TestResume breaks the stream after every event and comes back with its id:
// nothing is missing and nothing comes twice.
func TestResume(t *testing.T) {
	w := apitest.New(t)
	register(t, w, "billing")
	p := promote(t, w, "billing", `{}`)
	whole := follow(t, &client.Follower{Client: connect(t, w)}, p.Id)
	var pieces []client.Event
	stop := errors.New("enough")
	for after := ""; len(pieces) < len(whole); {
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.URL+"/api/v1/promotions/1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.Token)
		if after != "" {
			req.Header.Set("Last-Event-ID", after)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		err = client.ReadEvents(resp.Body, func(e client.Event) error {
			pieces, after = append(pieces, e), e.ID
			return stop
		})
		_ = resp.Body.Close()
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
	}
	for i := range whole {
		if pieces[i].Name != whole[i].Name || pieces[i].ID != whole[i].ID {
			t.Errorf("event %d is %s %s, want %s %s", i, pieces[i].Name, pieces[i].ID, whole[i].Name, whole[i].ID)
		}
	}
	resp, text := ask(t, w, "GET", "/api/v1/promotions/1/events", "", "Last-Event-ID", "x'; --")
	if p := problem(t, resp, text); p.Code != slipway.Invalid || p.Errors[0].Pointer != "header/Last-Event-ID" {
		t.Errorf("%s", text)
	}
	// Behind the end, a reader is told the end once more rather than nothing.
	_, text = ask(t, w, "GET", "/api/v1/promotions/1/events", "", "Last-Event-ID", whole[len(whole)-1].ID)
	if !strings.Contains(string(text), "event: promotion\n") || strings.Count(string(text), "event:") != 1 {
		t.Errorf("%s", text)
	}
}

// TestFollowAcrossARestart takes the server away in the middle and brings it
// back at the same address.
func TestFollowAcrossARestart(t *testing.T) {
	w := apitest.New(t)
	w.Hold = make(chan struct{})
	register(t, w, "billing")
	p := promote(t, w, "billing", `{}`)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	serve := func(l net.Listener) *httptest.Server {
		s := httptest.NewUnstartedServer(w.API)
		_ = s.Listener.Close()
		s.Listener = l
		s.Start()
		return s
	}
	first := serve(l)
	lost, found := make(chan struct{}), make(chan struct{})
	started := make(chan struct{}, 100)
	f := &client.Follower{
		Client: connectTo(t, "http://"+address, w.Token), Wait: 10 * time.Millisecond,
		Lost: func(error) { close(lost) }, Found: func() { close(found) },
	}
	ended := make(chan error, 1)
	last := client.Event{}
	f.On = func(e client.Event) error { last = e; started <- struct{}{}; return nil }
	go func() { ended <- f.Follow(t.Context(), p.Id) }()
	<-started
	first.CloseClientConnections()
	first.Close()
	<-lost
	l, err = net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	second := serve(l)
	defer second.Close()
	<-found
	close(w.Hold)
	if err := <-ended; err != nil || last.Name != "promotion" {
		t.Errorf("%v, last %s", err, last.Name)
	}
}

// TestShutdownEndsStreams makes sure that followers don't hold a server back.
func TestShutdownEndsStreams(t *testing.T) {
	w := apitest.New(t)
	w.Hold = make(chan struct{})
	defer close(w.Hold)
	w.Logs = func(ctx context.Context, _ slipway.LogQuery, out io.Writer) error {
		if _, err := io.WriteString(out, "first\n"); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	}
	register(t, w, "billing")
	promote(t, w, "billing", `{}`)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.API.Serve(ctx, l) }()
	for _, path := range []string{"/promotions/1/events", "/services/billing/environments/dev/logs?follow=true"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+l.Addr().String()+"/api/v1"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.Token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %s %v", path, resp.Status, err)
		}
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("followers hold the server back")
	}
}
