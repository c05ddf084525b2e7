package slipway

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Secret is a value that cannot be printed, logged or marshalled by accident.
type Secret struct{ value string }

// NewSecret seals a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value. Call it where the value is used and nowhere else.
func (s Secret) Reveal() string { return s.value }

func (Secret) String() string               { return "[secret]" }
func (Secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, "[secret]") }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"[secret]"`), nil }
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// SecretRef names a secret without holding it: a URL whose scheme is the
// adapter's, such as sealed://payments/DB_URL. Only references travel through
// histories, events, snapshots and the database.
type SecretRef string

// Scheme returns the adapter's name.
func (r SecretRef) Scheme() string {
	scheme, _, ok := strings.Cut(string(r), "://")
	if !ok {
		return ""
	}
	return scheme
}

// Name returns what follows the scheme.
func (r SecretRef) Name() string {
	_, name, _ := strings.Cut(string(r), "://")
	return name
}

// SecretStore keeps secret values. Names are paths of at most 200 characters
// from [A-Za-z0-9_./-]. All methods may be called at once.
type SecretStore interface {
	// Scheme is the URL scheme of the references that this store resolves.
	Scheme() string
	// Set stores or replaces a value. It is durable when it returns.
	Set(ctx context.Context, ref SecretRef, value Secret) error
	// Get returns NotFound for a reference that holds nothing and Unavailable
	// when the store can't be asked.
	Get(ctx context.Context, ref SecretRef) (Secret, error)
	// List returns the references below a prefix, sorted.
	List(ctx context.Context, prefix string) ([]SecretRef, error)
	// Delete removes a value. Deleting what isn't there is no error.
	Delete(ctx context.Context, ref SecretRef) error
}

// RefIn is the reference of a secret that a store keeps under a name.
func RefIn(store SecretStore, name string) SecretRef {
	return SecretRef(store.Scheme() + "://" + name)
}

// LooksSecret tells whether a setting of this name had better be a secret.
func LooksSecret(key string) bool {
	upper := strings.ToUpper(key)
	for _, word := range []string{"PASSWORD", "PASSWD", "TOKEN", "SECRET", "PRIVATE_KEY", "API_KEY", "APIKEY", "ACCESS_KEY", "CREDENTIAL"} {
		if strings.Contains(upper, word) {
			return true
		}
	}
	return strings.HasSuffix(upper, "_KEY")
}
