package platform

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/account"
	"github.com/slipway-dev/slipway/ent/membership"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/ent/token"
	"github.com/slipway-dev/slipway/store"
)

// TokenPrefix begins every token, so that scanners of leaked secrets know it.
const TokenPrefix = "slp_"

// newToken makes the text of a token: the prefix, 30 random characters, and a
// checksum of six by which a scanner tells it from noise without asking us.
func newToken() string {
	body := TokenPrefix + rand.Text() + rand.Text()[:4]
	return body + checksum(body)
}

func checksum(body string) string {
	return strings.ToUpper(fmt.Sprintf("%07s", strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 36)))[1:]
}

// WellFormed tells whether a text could be a token, by its checksum.
func WellFormed(text string) bool {
	return strings.HasPrefix(text, TokenPrefix) && len(text) == len(TokenPrefix)+36 && checksum(text[:len(text)-6]) == text[len(text)-6:]
}

// TokenInput is a token to make.
type TokenInput struct {
	Account string // "" is the viewer's own; a service account's takes an admin of each of its teams
	Name    string // what it is for
	Scopes  []slipway.Scope
	Life    time.Duration // 0 is 90 days; at most a year
}

// Validate names the field at fault.
func (in TokenInput) Validate() error {
	switch {
	case strings.TrimSpace(in.Name) == "" || len(in.Name) > 100:
		return slipway.Errorf(slipway.Invalid, "say in at most 100 bytes what the token is for").At("name")
	case len(in.Scopes) == 0 || len(in.Scopes) > 20:
		return slipway.Errorf(slipway.Invalid, "give the token between one and twenty scopes, such as read or promote:dev").At("scopes")
	case in.Life < 0 || in.Life > 366*24*time.Hour:
		return slipway.Errorf(slipway.Invalid, "a token lives for a year at most").At("expires_in_days")
	}
	for _, s := range in.Scopes {
		if err := slipway.CheckScope(s); err != nil {
			return err
		}
	}
	return nil
}

// AddToken makes a token and returns its text, which can't be had again.
func (p *Platform) AddToken(ctx context.Context, in TokenInput) (*ent.Token, slipway.Secret, error) {
	var none slipway.Secret
	if err := in.Validate(); err != nil {
		return nil, none, err
	}
	a, err := p.owner(ctx, in.Account)
	if err != nil {
		return nil, none, err
	}
	if err := p.proven(ctx, "making a token"); err != nil {
		return nil, none, err
	}
	if in.Life == 0 {
		in.Life = 90 * 24 * time.Hour
	}
	text := newToken()
	var row *ent.Token
	err = p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		// It may have come into another team in this moment.
		if now, err := fresh(ctx, tx.Client(), a.ID); err != nil || a.Name != Actor(ctx) && !handles(slipway.ViewerFrom(ctx), now) {
			return or(err, errHandled(a))
		}
		row, err = tx.Token.Create().SetAccountID(a.ID).SetName(store.Clean(in.Name)).SetHash(store.Fingerprint(text)).SetHint(text[:len(TokenPrefix)+4]).
			SetScopes(in.Scopes).SetMadeBy(Actor(ctx)).SetExpiresAt(time.Now().UTC().Add(in.Life)).Save(ctx)
		if err == nil {
			p.recordAccount(ctx, "token.added", a, map[string]string{"token_name": row.Name, "id": strconv.Itoa(row.ID), "scopes": scopes(in.Scopes)})
		}
		return err
	})
	if err != nil {
		return nil, none, err
	}
	row.Edges.Account = a
	return row, slipway.NewSecret(text), nil
}

// owner finds the account whose tokens are meant and checks that the viewer may
// handle them: one's own, or those of a service account that one handles.
func (p *Platform) owner(ctx context.Context, name string) (*ent.Account, error) {
	v, err := p.signedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return nil, err
	}
	if name == "" || name == v.Name {
		if v.Account == 0 {
			return nil, slipway.Errorf(slipway.Conflict, "Slipway itself has no tokens; name an account")
		}
		return p.Account(ctx, v.Name)
	}
	a, err := p.Account(ctx, name)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Kind != account.KindService:
		err = slipway.Errorf(slipway.Denied, "the tokens of %s are handled by %s alone", name, name)
	case handles(v, a):
		return a, nil
	default:
		err = errHandled(a)
	}
	p.audit.Refused(ctx, "token.change", "", "", err.Error())
	return nil, err
}

// Tokens lists the tokens of an account that aren't revoked, the newest first.
func (p *Platform) Tokens(ctx context.Context, accountName string) ([]*ent.Token, error) {
	a, err := p.owner(ctx, accountName)
	if err != nil {
		return nil, err
	}
	return p.db.Token.Query().Where(token.AccountID(a.ID), token.RevokedAtIsNil()).WithAccount().Order(ent.Desc(token.FieldID)).Limit(1000).All(ctx)
}

// RevokeToken ends a token at once.
func (p *Platform) RevokeToken(ctx context.Context, id int) error {
	absent := slipway.Errorf(slipway.NotFound, "there is no token %d of yours; `slipway token ls` lists them", id)
	row, err := p.db.Token.Query().Where(token.ID(id), token.RevokedAtIsNil()).WithAccount().Only(ctx)
	if ent.IsNotFound(err) {
		return absent
	}
	if err != nil {
		return err
	}
	if _, err := p.owner(ctx, row.Edges.Account.Name); err != nil {
		if slipway.CodeOf(err) == slipway.Denied {
			return absent // other people's tokens are not there
		}
		return err
	}
	return p.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		p.recordAccount(ctx, "token.revoked", row.Edges.Account, map[string]string{"token_name": row.Name, "id": strconv.Itoa(id)})
		return tx.Token.UpdateOneID(id).SetRevokedAt(time.Now().UTC()).Exec(ctx)
	})
}

// Identify finds out who a credential belongs to: a token, or the access token
// of a session. Every doubt is Unauthenticated, in the same words.
func (p *Platform) Identify(ctx context.Context, credential slipway.Secret, from Caller) (slipway.Viewer, error) {
	text := credential.Reveal()
	unknown := slipway.Errorf(slipway.Unauthenticated, "the token is not good (any more); sign in again or make another one")
	if len(text) > 4096 {
		return slipway.Viewer{}, unknown
	}
	sys := store.AsSystem(ctx)
	now := time.Now().UTC()
	var a *ent.Account
	v := slipway.Viewer{Via: from.Via, Address: from.Address}
	if strings.HasPrefix(text, TokenPrefix) {
		if !WellFormed(text) {
			return v, unknown
		}
		row, err := p.db.Token.Query().Where(token.Hash(store.Fingerprint(text)), token.RevokedAtIsNil()).WithAccount(accountWithRoles).Only(sys)
		if ent.IsNotFound(err) || err == nil && row.ExpiresAt != nil && now.After(*row.ExpiresAt) {
			return v, unknown
		}
		if err != nil {
			return v, err
		}
		a, v.Scopes, v.Token = row.Edges.Account, row.Scopes, row.ID
		// To the minute is enough, and a write per request is not.
		if row.UsedAt == nil || now.Sub(*row.UsedAt) > time.Minute {
			if err := p.db.Token.UpdateOneID(row.ID).SetUsedAt(now).Exec(sys); err != nil {
				return v, err
			}
		}
	} else {
		c, err := p.verify(ctx, text, tokenAudience, jobAudience)
		if err != nil {
			return v, unknown
		}
		if len(c.Trusts) > 0 {
			return p.job(sys, c, v, unknown)
		}
		row, err := p.db.Session.Query().Where(session.Key(c.Session), session.EndedAtIsNil(), session.ExpiresAtGT(now)).WithAccount(accountWithRoles).Only(sys)
		if ent.IsNotFound(err) || err == nil && row.Edges.Account.Name != c.Subject {
			return v, unknown
		}
		if err != nil {
			return v, err
		}
		peer := slipway.PeerFrom(ctx)
		if why := misused(peer, row); why != "" {
			p.tellMisuse(ctx, row, peer, why, from)
			return v, unknown
		}
		a, v.Session = row.Edges.Account, row.Key
	}
	if !a.Active {
		return v, unknown
	}
	v.Kind, v.Account, v.Name, v.Admin, v.Roles = slipway.ViewerKind(a.Kind), a.ID, a.Name, a.Admin, map[int]slipway.Role{}
	for _, m := range a.Edges.Memberships {
		v.Roles[m.TeamID] = slipway.Role(m.Role)
	}
	return v, nil
}

func accountWithRoles(q *ent.AccountQuery) {
	q.WithMemberships(func(q *ent.MembershipQuery) { q.Select(membership.FieldTeamID, membership.FieldRole) })
}
