package platform

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
func (p *Platform) signer(ctx context.Context) (*signer, error) {
	p.keys.mu.Lock()
	defer p.keys.mu.Unlock()
	now := time.Now()
	if p.keys.current != nil && now.Before(p.keys.current.until) {
		return p.keys.current, nil
	}
	ctx = store.AsSystem(ctx)
	row, err := p.db.SigningKey.Query().Where(signingkey.RetiredAtIsNil()).Order(ent.Desc(signingkey.FieldID)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, err
	}
	if row == nil || now.Sub(row.CreatedAt) > keyLife {
		if row, err = p.newKey(ctx); err != nil {
			return nil, err
		}
	}
	seed, err := p.Secrets.Get(ctx, slipway.SecretRef(row.Private))
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the key that signs sessions can't be read; is the secret store there?")
	}
	raw, err := hex.DecodeString(seed.Reveal())
	if err != nil || len(raw) != ed25519.SeedSize {
		return nil, errors.New("the signing key is damaged")
	}
	p.keys.current = &signer{kid: row.Kid, private: ed25519.NewKeyFromSeed(raw), until: row.CreatedAt.Add(keyLife)}
	return p.keys.current, nil
}

// newKey makes a key and retires those before it.
func (p *Platform) newKey(ctx context.Context) (*ent.SigningKey, error) {
	seed := random(ed25519.SeedSize)
	kid := base64.RawURLEncoding.EncodeToString(random(9))
	ref := slipway.RefIn(p.Secrets, "_platform/signing-"+hex.EncodeToString(random(8)))
	if err := p.Secrets.Set(ctx, ref, slipway.NewSecret(hex.EncodeToString(seed))); err != nil {
		return nil, err
	}
	var row *ent.SigningKey
	err := p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) (err error) {
		if Actor(ctx) != worker { // somebody does it out of turn
			p.audit.Record(ctx, audit.Done, "signing_key.rotated", "", "", "", "", nil, nil)
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
func (p *Platform) RotateKeys(ctx context.Context) error {
	if _, err := p.signedIn(ctx, slipway.PermitPlatform); err != nil {
		return err
	}
	if _, err := p.newKey(ctx); err != nil {
		return err
	}
	p.keys.mu.Lock()
	p.keys.current = nil
	p.keys.mu.Unlock()
	return nil
}

// VerificationKey is a public key that access tokens can be checked with.
type VerificationKey struct {
	ID     string
	Public ed25519.PublicKey
}

// VerificationKeys lists the keys that may have signed what is still good.
func (p *Platform) VerificationKeys(ctx context.Context) ([]VerificationKey, error) {
	rows, err := p.db.SigningKey.Query().Where(signingkey.Or(signingkey.RetiredAtIsNil(), signingkey.RetiredAtGT(time.Now().UTC().Add(-jobLife-skew)))).
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
func (p *Platform) public(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	p.keys.mu.Lock()
	key, ok := p.keys.public[kid]
	p.keys.mu.Unlock()
	if ok {
		return key, nil
	}
	keys, err := p.VerificationKeys(ctx)
	if err != nil {
		return nil, err
	}
	p.keys.mu.Lock()
	defer p.keys.mu.Unlock()
	p.keys.public = map[string]ed25519.PublicKey{}
	for _, k := range keys {
		p.keys.public[k.ID] = k.Public
	}
	if key, ok = p.keys.public[kid]; !ok {
		return nil, errNoKey
	}
	return key, nil
}

var errNoKey = errors.New("the token was signed with a key that is not ours")

// sign makes an access token of a session.
func (p *Platform) sign(ctx context.Context, account, session string) (text string, expires time.Time, err error) {
	return p.seal(ctx, claims{RegisteredClaims: jwt.RegisteredClaims{Audience: jwt.ClaimStrings{tokenAudience}, Subject: account}, Session: session}, accessLife)
}

// seal signs claims that are good for a while.
func (p *Platform) seal(ctx context.Context, c claims, life time.Duration) (text string, expires time.Time, err error) {
	s, err := p.signer(ctx)
	if err != nil {
		return "", expires, err
	}
	now := time.Now()
	expires = now.Add(life)
	c.Issuer, c.ID, c.IssuedAt, c.ExpiresAt = tokenIssuer, hex.EncodeToString(random(8)), jwt.NewNumericDate(now), jwt.NewNumericDate(expires)
	t := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c)
	t.Header["kid"] = s.kid
	text, err = t.SignedString(s.private)
	return text, expires.UTC().Truncate(time.Second), err
}

// verify reads what seal made for one of the audiences. The algorithm is the
// one we sign with, whatever the token says.
func (p *Platform) verify(ctx context.Context, text string, audiences ...string) (claims, error) {
	var c claims
	_, err := jwt.ParseWithClaims(text, &c, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return p.public(ctx, kid)
	}, jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(tokenIssuer), jwt.WithAudience(audiences...),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(skew))
	return c, err
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return b
}
