package courier

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/egress"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func over(t *testing.T, o egress.Options) *HTTP {
	t.Helper()
	guard, err := egress.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Client: guard.Client(egress.Bounds{Timeout: 3 * time.Second}), Resolve: guard.Resolve, Version: "9.9"})
}

func letter(url string) slipway.Letter {
	return slipway.Letter{URL: url, ID: "msg_1", Body: []byte(`{"id":"msg_1"}`), Secrets: []slipway.Secret{slipway.NewSecret(secret), slipway.NewSecret("whsec_" + strings.Repeat("AAAA", 8))}}
}

func TestSend(t *testing.T) {
	var got *http.Request
	var body []byte
	elsewhere := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/busy":
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/elsewhere":
			elsewhere++
		case "/endless":
			for range 1000 {
				_, _ = w.Write(make([]byte, 64<<10))
			}
		}
	}))
	defer server.Close()
	c := over(t, egress.Options{Open: true})
	answer, err := c.Send(t.Context(), letter(server.URL+"/hook?key=k"))
	if err != nil || answer != (slipway.Answer{Status: 200}) {
		t.Fatalf("%+v %v", answer, err)
	}
	if got.Method != http.MethodPost || string(body) != `{"id":"msg_1"}` || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("User-Agent") != "Slipway/9.9" || got.Header.Get("webhook-id") != "msg_1" || got.URL.RawQuery != "key=k" {
		t.Errorf("%s %v %s", got.Method, got.Header, body)
	}
	seconds, err := strconv.ParseInt(got.Header.Get("webhook-timestamp"), 10, 64)
	if sent := time.Unix(seconds, 0); err != nil || time.Since(sent).Abs() > time.Minute {
		t.Errorf("sent at %s, %v", sent, err)
	}
	want, _ := slipway.Sign(slipway.NewSecret(secret), "msg_1", time.Unix(seconds, 0), body)
	if signatures := strings.Fields(got.Header.Get("webhook-signature")); len(signatures) != 2 || signatures[0] != want || signatures[1] == want {
		t.Errorf("%v, want %s first", signatures, want)
	}
	if answer, err := c.Send(t.Context(), letter(server.URL+"/busy")); err != nil || answer != (slipway.Answer{Status: 429, After: 7 * time.Second}) {
		t.Errorf("%+v %v", answer, err)
	}
	if answer, err := c.Send(t.Context(), letter(server.URL+"/moved")); err != nil || answer.Status != 307 || elsewhere > 0 {
		t.Errorf("%+v %v, %d calls elsewhere", answer, err, elsewhere)
	}
	if answer, err := c.Send(t.Context(), letter(server.URL+"/endless")); err != nil || answer.Status != 200 {
		t.Errorf("%+v %v", answer, err)
	}
}

// TestSendFails wants a sentence that names the host and nothing else of the address.
func TestSendFails(t *testing.T) {
	hang := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer silent.Close()
	defer close(hang)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	breaks, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = breaks.Close() }()
	go func() {
		for {
			conn, err := breaks.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	open, strict := over(t, egress.Options{Open: true}), over(t, egress.Options{})
	for _, c := range []struct {
		by   *HTTP
		url  string
		code slipway.Code
		says string
	}{
		{open, silent.URL, slipway.Unavailable, "did not answer in time"},
		{open, "http://" + closed.Addr().String(), slipway.Unavailable, "takes no connections"},
		{open, "http://" + breaks.Addr().String(), slipway.Unavailable, "broke before an answer came"},
		{open, untrusted.URL, slipway.Unavailable, "is not trusted"},
		{open, strings.Replace(plain.URL, "http:", "https:", 1), slipway.Unavailable, "does not speak TLS"},
		{open, "http://nowhere.invalid", slipway.Unavailable, "can't be found"},
		{open, "http://169.254.169.254", slipway.Refused, "internal address"},
		{strict, plain.URL, slipway.Refused, "internal address"},
	} {
		_, err := c.by.Send(t.Context(), letter(c.url+"/T000/s3cr3t-path"))
		if slipway.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q %v, want %q", c.url, slipway.CodeOf(err), err, c.says)
		}
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			if strings.Contains(cause.Error(), "s3cr3t") {
				t.Errorf("%s: the error holds the path: %v", c.url, cause)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	c := over(t, egress.Options{Allow: []string{"192.0.2.0/24"}})
	for url, code := range map[string]slipway.Code{
		"https://192.0.2.7/hook": "", "http://192.0.2.7:8080/hook?key=1": "",
		"": slipway.Invalid, "hooks.example.com": slipway.Invalid, "ftp://192.0.2.7/": slipway.Invalid, "https:///x": slipway.Invalid, "https:opaque": slipway.Invalid,
		"https://me:word@192.0.2.7/": slipway.Invalid, "https://192.0.2.7/#x": slipway.Invalid, "https://192.0.2.7/a b": slipway.Invalid, "file:///etc/passwd": slipway.Invalid,
		"http://127.0.0.1/": slipway.Refused, "http://[::1]/": slipway.Refused, "http://10.0.0.1/": slipway.Refused, "http://169.254.169.254/latest": slipway.Refused, "http://2130706433/": slipway.Refused,
	} {
		if err := c.Check(t.Context(), url); slipway.CodeOf(err) != code {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// FuzzRetryAfter reads what a receiver wishes.
func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, text := range []string{"", "0", "120", "-1", "99999999999999999999", "Wed, 25 Nov 2026 12:02:00 GMT", "Wed, 25 Nov 1999 12:02:00 GMT", "soon"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := retryAfter(text, now); got < 0 || got > longest {
			t.Errorf("%q is %s", text, got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "Wed, 25 Nov 2026 12:02:00 GMT": 2 * time.Minute, "Wed, 25 Nov 1999 12:02:00 GMT": 0, "-5": 0, "9999999": longest, "soon": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
