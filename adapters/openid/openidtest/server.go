package openidtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Server is zitadel's OpenID provider. A test can make it lie: its answers are
// rewritten on their way, with its own key or as an attacker would.
type Server struct {
	*store
	server *httptest.Server

	mu      sync.Mutex
	user    string
	rewrite func(claims jwt.MapClaims) string
}

// Rewrite makes an ID token out of the claims of the one that the provider
// made; nil leaves them alone.
func (s *Server) Rewrite(f func(claims jwt.MapClaims) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rewrite = f
}

// NewServer starts a provider. It answers until the test ends.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{}
	s.server = httptest.NewUnstartedServer(nil)
	issuer := "http://" + s.server.Listener.Addr().String()
	s.store = newStore(t)
	provider, err := op.NewProvider(&op.Config{
		CryptoKey: [32]byte{1}, CodeMethodS256: true, SupportedScopes: []string{"openid", "profile", "email", "groups"},
	}, s.store, op.StaticIssuer(issuer), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("id")
		s.mu.Lock()
		user := s.user
		s.mu.Unlock()
		if err := s.signIn(id, user); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ctx := op.ContextWithIssuer(r.Context(), issuer)
		http.Redirect(w, r, op.AuthCallbackURL(provider)(ctx, id), http.StatusFound)
	})
	mux.Handle("POST /oauth/token", s.rewritten(provider))
	mux.Handle("/", provider)
	s.server.Config.Handler = mux
	s.server.Start()
	t.Cleanup(s.server.Close)
	return s
}

// Issuer is where the provider is.
func (s *Server) Issuer() string { return s.server.URL }

// SignIn follows an address through the provider as a user.
func (s *Server) SignIn(t testing.TB, address, user string) string {
	t.Helper()
	s.mu.Lock()
	s.user = user
	s.mu.Unlock()
	client := browser()
	for range 10 {
		answer, err := client.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		next, err := answer.Location()
		if err != nil {
			t.Fatalf("%s leads nowhere: %d %s", address, answer.StatusCode, text)
		}
		if address = next.String(); isCallback(address) {
			return address
		}
	}
	t.Fatalf("the provider goes round in circles at %s", address)
	return ""
}

// rewritten lets a test change ID tokens.
func (s *Server) rewritten(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		rewrite := s.rewrite
		s.mu.Unlock()
		kept := httptest.NewRecorder()
		next.ServeHTTP(kept, r)
		body := kept.Body.Bytes()
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err == nil && rewrite != nil && answer["id_token"] != nil {
			claims := jwt.MapClaims{}
			if _, _, err := jwt.NewParser().ParseUnverified(answer["id_token"].(string), claims); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			answer["id_token"] = rewrite(claims)
			body, _ = json.Marshal(answer) // it was JSON
		}
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(kept.Code)
		_, _ = io.Copy(w, bytes.NewReader(body))
	})
}

// Sign signs claims with the provider's key, as it does itself.
func (s *Server) Sign(claims jwt.MapClaims) string {
	return signed(jwt.SigningMethodRS256, s.keyID, s.key, claims)
}

// SignForeign signs claims with a key of somebody else under the provider's key id.
func (s *Server) SignForeign(claims jwt.MapClaims) string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return signed(jwt.SigningMethodRS256, s.keyID, key, claims)
}

// Unsigned writes claims without a signature, alg none.
func (s *Server) Unsigned(claims jwt.MapClaims) string {
	return signed(jwt.SigningMethodNone, s.keyID, jwt.UnsafeAllowNoneSignatureType, claims)
}

// Confused signs claims with HS256, and the public key, which everybody knows,
// for a secret: in the form that confused libraries took it in.
func (s *Server) Confused(claims jwt.MapClaims) string {
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		panic(err)
	}
	return signed(jwt.SigningMethodHS256, s.keyID, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), claims)
}

// Rotate makes the provider sign with a new key and forget the old one.
func (s *Server) Rotate(t testing.TB) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.key, s.keyID = key, s.keyID+"+"
}

func signed(method jwt.SigningMethod, id string, key any, claims jwt.MapClaims) string {
	t := jwt.NewWithClaims(method, claims)
	t.Header["kid"] = id
	text, err := t.SignedString(key)
	if err != nil {
		panic(err) // a test's own mistake
	}
	return text
}

// Job is the claims of a CI job's token as this provider would issue it, good
// for five minutes.
func (s *Server) Job(audience, subject string) jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": s.Issuer(), "aud": audience, "sub": subject, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Add(-10 * time.Second).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
}

// Tampered changes the payload of a token and leaves its signature as it was.
func Tampered(t testing.TB, token string, change func(claims map[string]any)) string {
	t.Helper()
	parts := strings.Split(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	change(claims)
	text, err = json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString(text)
	return strings.Join(parts, ".")
}

// Health is always good.
func (s *store) Health(context.Context) error { return nil }
