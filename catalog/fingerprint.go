package catalog

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"github.com/slipway-dev/slipway"
)

// fingerprintKey is where the key of fingerprints is kept.
const fingerprintKey = slipway.SecretRef("sealed://_platform/fingerprint-key")

// fingerprint tells one value of a secret from another without telling anything
// about either: it is keyed, so that nobody can try values. 48 bits are enough
// to see a difference.
func (cat *Catalog) fingerprint(ctx context.Context, value slipway.Secret) (string, error) {
	key, err := cat.ports.Secrets.Get(ctx, fingerprintKey)
	if slipway.CodeOf(err) == slipway.NotFound {
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // never fails
		key = slipway.NewSecret(hex.EncodeToString(fresh))
		err = cat.ports.Secrets.Set(ctx, fingerprintKey, key)
	}
	if err != nil {
		return "", err
	}
	sum := hmac.New(sha256.New, []byte(key.Reveal()))
	sum.Write([]byte(value.Reveal()))
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}
