package platform

import (
	"context"
	"encoding/hex"

	"github.com/alexedwards/argon2id"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
)

// guessPassword is what a wrong password counts as.
const guessPassword = "password"

// prove checks the password of a name. It counts the same and takes as long for
// a name whose account isn't there, nil.
func (p *Platform) prove(ctx context.Context, name string, a *ent.Account, password slipway.Secret, from Caller) error {
	id := 0
	if a != nil {
		id = a.ID
	}
	place, err := p.browserOf(ctx, from.Browser, id)
	if err != nil {
		return err
	}
	return p.proveFrom(ctx, guess{what: guessPassword, name: name, from: from, place: place}, a, password)
}

// proveHere checks the password of who is signed in. Wrong ones are counted for
// this session: who has stolen it may guess no more than a few times, and the
// others may still sign in.
func (p *Platform) proveHere(ctx context.Context, a *ent.Account, password slipway.Secret) error {
	v := slipway.ViewerFrom(ctx)
	return p.proveFrom(ctx, guess{what: guessPassword, name: a.Name, from: Caller{Address: v.Address}, place: sessionPlace(v)}, a, password)
}

func sessionPlace(v slipway.Viewer) string {
	if v.Session == "" {
		return ""
	}
	return "session " + v.Session
}

func (p *Platform) proveFrom(ctx context.Context, g guess, a *ent.Account, password slipway.Secret) error {
	c, err := p.count(ctx, g)
	if err != nil {
		return err
	}
	ok, err := p.matches(ctx, a, password)
	if err != nil {
		return err
	}
	if !ok {
		return errCredentials
	}
	return c.right(ctx)
}

// absent makes the hash that stands for what isn't there, before it is needed:
// else the first to name nobody would wait longer.
func (p *Platform) absent() (hash string, slots chan struct{}, err error) {
	p.guesses.mu.Lock()
	defer p.guesses.mu.Unlock()
	if p.guesses.absent == "" {
		p.guesses.absent, err = hashPassword(slipway.NewSecret(hex.EncodeToString(random(16))))
		p.guesses.hashing = make(chan struct{}, 4)
	}
	return p.guesses.absent, p.guesses.hashing, err
}

// matches compares a password with an account's, or with nobody's.
func (p *Platform) matches(ctx context.Context, a *ent.Account, password slipway.Secret) (bool, error) {
	absent, slots, err := p.absent()
	if err != nil {
		return false, err
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	text := password.Reveal()
	if len(text) > maxPassword {
		text = ""
	}
	if a != nil && a.Password != "" {
		return argon2id.ComparePasswordAndHash(text, a.Password)
	}
	_, err = argon2id.ComparePasswordAndHash(text, absent)
	return false, err
}
