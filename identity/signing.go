package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/signingkey"
	"github.com/slipway-dev/slipway/store"
)

const (
	// accessLife is how long an access token is good. It is looked up at each
	// use whether its session still is, so the life bounds only a leak.
	accessLife = 10 * time.Minute
	// jobLife is how long the token of a CI job is good.
	jobLife = 15 * time.Minute
	// keyLife is how long a key signs; then a new one does, and the old one
	// verifies what it signed for another jobLife.
	keyLife = 30 * 24 * time.Hour
	// skew is how far the clocks of two servers may be apart.
	skew = 30 * time.Second

	tokenIssuer   = "slipway"
	tokenAudience = "slipway-api"
	jobAudience   = "slipway-job"  // of a CI job's token
	linkAudience  = "slipway-link" // of what asks for a password once to connect an account
)

// signingKeys holds the keys that this process has read.
type signingKeys struct {
	mu      sync.Mutex
	current *signer
	public  map[string]ed25519.PublicKey
}

type signer struct {
	kid     string
	private ed25519.PrivateKey
	until   time.Time
}

// claims are what an access token says: whose session it belongs to, no more.
// Rights are looked up, so that a change of them counts at once.
type claims struct {
	jwt.RegisteredClaims
	Session string `json:"sid,omitempty"`
	// Of a CI job's token: what it was given for, and which job it is.
	Trusts []int  `json:"trusts,omitempty"`
	Job    string `json:"job,omitempty"`
	// Of a link: the provider, the address that it has verified, and where to go.
	Account  string   `json:"account,omitempty"`
	Provider int      `json:"provider,omitempty"`
	Email    string   `json:"email,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	Factor   string   `json:"factor,omitempty"` // the second one that the provider has seen
	Next     string   `json:"next,omitempty"`
}

// signer returns the key that signs now, making one when there is none or the
// last has served its time.
func (d *Directory) signer(ctx context.Context) (*signer, error) {
	d.keys.mu.Lock()
	defer d.keys.mu.Unlock()
	now := time.Now()
	if d.keys.current != nil && now.Before(d.keys.current.until) {
		return d.keys.current, nil
	}
	ctx = store.AsSystem(ctx)
	row, err := d.db.SigningKey.Query().Where(signingkey.RetiredAtIsNil()).Order(ent.Desc(signingkey.FieldID)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, err
	}
	if row == nil || now.Sub(row.CreatedAt) > keyLife {
		if row, err = d.newKey(ctx); err != nil {
			return nil, err
		}
	}
	seed, err := d.secrets.Get(ctx, slipway.SecretRef(row.Private))
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the key that signs sessions can't be read; is the secret store there?")
	}
	raw, err := hex.DecodeString(seed.Reveal())
	if err != nil || len(raw) != ed25519.SeedSize {
		return nil, errors.New("the signing key is damaged")
	}
	d.keys.current = &signer{kid: row.Kid, private: ed25519.NewKeyFromSeed(raw), until: row.CreatedAt.Add(keyLife)}
	return d.keys.current, nil
}

// newKey makes a key and retires those before it.
func (d *Directory) newKey(ctx context.Context) (*ent.SigningKey, error) {
	seed := Random(ed25519.SeedSize)
	kid := base64.RawURLEncoding.EncodeToString(Random(9))
	ref := slipway.RefIn(d.secrets, "_platform/signing-"+hex.EncodeToString(Random(8)))
	if err := d.secrets.Set(ctx, ref, slipway.NewSecret(hex.EncodeToString(seed))); err != nil {
		return nil, err
	}
	var row *ent.SigningKey
	err := d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		if slipway.Actor(ctx) != store.System { // somebody does it out of turn
			d.audit.Record(ctx, audit.Done, "signing_key.rotated", "", "", "", "", nil, nil)
		}
		ctx = store.AsSystem(ctx)
		if err := tx.SigningKey.Update().Where(signingkey.RetiredAtIsNil()).SetRetiredAt(time.Now().UTC()).Exec(ctx); err != nil {
			return err
		}
		public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		row, err = tx.SigningKey.Create().SetKid(kid).SetPublic(public).SetPrivate(string(ref)).Save(ctx)
		return err
	})
	return row, err
}

// RotateKeys makes a new signing key at once. Nobody is signed out: what the
// old one signed is good until it expires. It takes an admin of the platform.
func (d *Directory) RotateKeys(ctx context.Context) error {
	if _, err := d.SignedIn(ctx, slipway.PermitPlatform); err != nil {
		return err
	}
	if _, err := d.newKey(ctx); err != nil {
		return err
	}
	d.keys.mu.Lock()
	d.keys.current = nil
	d.keys.mu.Unlock()
	return nil
}

// VerificationKey is a public key that access tokens can be checked with.
type VerificationKey struct {
	ID     string
	Public ed25519.PublicKey
}

// VerificationKeys lists the keys that may have signed what is still good.
func (d *Directory) VerificationKeys(ctx context.Context) ([]VerificationKey, error) {
	rows, err := d.db.SigningKey.Query().Where(signingkey.Or(signingkey.RetiredAtIsNil(), signingkey.RetiredAtGT(time.Now().UTC().Add(-jobLife-skew)))).
		Order(signingkey.ByID()).All(store.AsSystem(ctx))
	if err != nil {
		return nil, err
	}
	keys := make([]VerificationKey, 0, len(rows))
	for _, row := range rows {
		keys = append(keys, VerificationKey{row.Kid, row.Public})
	}
	return keys, nil
}

// public finds the key of an id, reading the store when it is new here.
func (d *Directory) public(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	d.keys.mu.Lock()
	key, ok := d.keys.public[kid]
	d.keys.mu.Unlock()
	if ok {
		return key, nil
	}
	keys, err := d.VerificationKeys(ctx)
	if err != nil {
		return nil, err
	}
	d.keys.mu.Lock()
	defer d.keys.mu.Unlock()
	d.keys.public = map[string]ed25519.PublicKey{}
	for _, k := range keys {
		d.keys.public[k.ID] = k.Public
	}
	if key, ok = d.keys.public[kid]; !ok {
		return nil, errNoKey
	}
	return key, nil
}

var errNoKey = errors.New("the token was signed with a key that is not ours")

// sign makes an access token of a session.
func (d *Directory) sign(ctx context.Context, account, session string) (text string, expires time.Time, err error) {
	return d.seal(ctx, claims{RegisteredClaims: jwt.RegisteredClaims{Audience: jwt.ClaimStrings{tokenAudience}, Subject: account}, Session: session}, accessLife)
}

// seal signs claims that are good for a while.
func (d *Directory) seal(ctx context.Context, c claims, life time.Duration) (text string, expires time.Time, err error) {
	s, err := d.signer(ctx)
	if err != nil {
		return "", expires, err
	}
	now := time.Now()
	expires = now.Add(life)
	c.Issuer, c.ID, c.IssuedAt, c.ExpiresAt = tokenIssuer, hex.EncodeToString(Random(8)), jwt.NewNumericDate(now), jwt.NewNumericDate(expires)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	t.Header["kid"] = s.kid
	text, err = t.SignedString(s.private)
	return text, expires.UTC().Truncate(time.Second), err
}

// verify reads what seal made for one of the audiences. The algorithm is the
// one we sign with, whatever the token says.
func (d *Directory) verify(ctx context.Context, text string, audiences ...string) (claims, error) {
	var c claims
	_, err := jwt.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return d.public(ctx, kid)
	}, jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(tokenIssuer), jwt.WithAudience(audiences...),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(skew))
	return c, err
}

// Random is that many bytes that nobody can guess.
func Random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return b
}
