package identity

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"slices"
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
func (d *Directory) AddToken(ctx context.Context, in TokenInput) (*ent.Token, slipway.Secret, error) {
	var none slipway.Secret
	if err := in.Validate(); err != nil {
		return nil, none, err
	}
	a, err := d.owner(ctx, in.Account)
	if err != nil {
		return nil, none, err
	}
	if a.Kind == account.KindService && slices.Contains(in.Scopes, slipway.ScopeApprove) {
		return nil, none, slipway.Errorf(slipway.Invalid, "a program can't decide for people, so %s can't have the scope approve; whoever approves by a program makes a token of their own (slipway token add without --account)", a.Name).At("scopes")
	}
	if err := d.Proven(ctx, "making a token"); err != nil {
		return nil, none, err
	}
	if in.Life == 0 {
		in.Life = 90 * 24 * time.Hour
	}
	text := newToken()
	var row *ent.Token
	err = d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		// It may have come into another team in this moment.
		if now, err := fresh(ctx, tx.Client(), a.ID); err != nil || a.Name != slipway.Actor(ctx) && !handles(slipway.ViewerFrom(ctx), now) {
			return cmp.Or[error](err, errHandled(a))
		}
		row, err = tx.Token.Create().SetAccountID(a.ID).SetName(store.Clean(in.Name)).SetHash(store.Fingerprint(text)).SetHint(text[:len(TokenPrefix)+4]).
			SetScopes(in.Scopes).SetMadeBy(slipway.Actor(ctx)).SetExpiresAt(time.Now().UTC().Add(in.Life)).Save(ctx)
		if err == nil {
			d.recordAccount(ctx, "token.added", a, map[string]string{"token_name": row.Name, "id": strconv.Itoa(row.ID), "scopes": scopes(in.Scopes)})
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
func (d *Directory) owner(ctx context.Context, name string) (*ent.Account, error) {
	v, err := d.SignedIn(ctx, slipway.PermitSelf)
	if err != nil {
		return nil, err
	}
	if name == "" || name == v.Name {
		if v.Account == 0 {
			return nil, slipway.Errorf(slipway.Conflict, "Slipway itself has no tokens; name an account")
		}
		return d.Account(ctx, v.Name)
	}
	a, err := d.Account(ctx, name)
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
	d.audit.Refused(ctx, "token.change", "", "", err.Error())
	return nil, err
}

// Tokens lists the tokens of an account that aren't revoked, the newest first.
func (d *Directory) Tokens(ctx context.Context, accountName string) ([]*ent.Token, error) {
	a, err := d.owner(ctx, accountName)
	if err != nil {
		return nil, err
	}
	return d.db.Token.Query().Where(token.AccountID(a.ID), token.RevokedAtIsNil()).WithAccount().Order(ent.Desc(token.FieldID)).Limit(1000).All(ctx)
}

// RevokeToken ends a token at once.
func (d *Directory) RevokeToken(ctx context.Context, id int) error {
	absent := slipway.Errorf(slipway.NotFound, "there is no token %d of yours; `slipway token ls` lists them", id)
	row, err := d.db.Token.Query().Where(token.ID(id), token.RevokedAtIsNil()).WithAccount().Only(ctx)
	if ent.IsNotFound(err) {
		return absent
	}
	if err != nil {
		return err
	}
	if _, err := d.owner(ctx, row.Edges.Account.Name); err != nil {
		if slipway.CodeOf(err) == slipway.Denied {
			return absent // other people's tokens are not there
		}
		return err
	}
	return d.audit.Change(ctx, func(ctx context.Context, tx *ent.Tx) error {
		d.recordAccount(ctx, "token.revoked", row.Edges.Account, map[string]string{"token_name": row.Name, "id": strconv.Itoa(id)})
		return tx.Token.UpdateOneID(id).SetRevokedAt(time.Now().UTC()).Exec(ctx)
	})
}

// Identify finds out who a credential belongs to: a token, or the access token
// of a session. Every doubt is Unauthenticated, in the same words.
func (d *Directory) Identify(ctx context.Context, credential slipway.Secret, from Caller) (slipway.Viewer, error) {
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
		row, err := d.db.Token.Query().Where(token.Hash(store.Fingerprint(text)), token.RevokedAtIsNil()).WithAccount(accountWithRoles).Only(sys)
		if ent.IsNotFound(err) || err == nil && row.ExpiresAt != nil && now.After(*row.ExpiresAt) {
			return v, unknown
		}
		if err != nil {
			return v, err
		}
		a, v.Scopes, v.Token = row.Edges.Account, row.Scopes, row.ID
		// To the minute is enough, and a write per request is not.
		if row.UsedAt == nil || now.Sub(*row.UsedAt) > time.Minute {
			if err := d.db.Token.UpdateOneID(row.ID).SetUsedAt(now).Exec(sys); err != nil {
				return v, err
			}
		}
	} else {
		c, err := d.verify(ctx, text, tokenAudience, jobAudience)
		if err != nil {
			return v, unknown
		}
		if len(c.Trusts) > 0 {
			return d.job(sys, c, v, unknown)
		}
		row, err := d.db.Session.Query().Where(session.Key(c.Session), session.EndedAtIsNil(), session.ExpiresAtGT(now)).WithAccount(accountWithRoles).Only(sys)
		if ent.IsNotFound(err) || err == nil && row.Edges.Account.Name != c.Subject {
			return v, unknown
		}
		if err != nil {
			return v, err
		}
		peer := slipway.PeerFrom(ctx)
		if why := misused(peer, row); why != "" {
			d.tellMisuse(ctx, row, peer, why, from)
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

// handles tells whether a viewer has all that a service account has, and so may
// act by it: whoever administers each team that it is in. One that is in no
// team, or administers the platform, is the platform's.
func handles(v slipway.Viewer, a *ent.Account) bool {
	if v.May(slipway.PermitPlatform, 0, "") == slipway.Allowed {
		return true
	}
	for _, m := range a.Edges.Memberships {
		if v.May(slipway.PermitTeam, m.TeamID, "") != slipway.Allowed {
			return false
		}
	}
	return len(a.Edges.Memberships) > 0 && !a.Admin
}

// errHandled refuses to handle a service account. It names no teams: the viewer
// may not know of them.
func errHandled(a *ent.Account) error {
	whose := "an admin of each team that it is in"
	if len(a.Edges.Memberships) == 0 || a.Admin {
		whose = "an admin of the platform"
	}
	return slipway.Errorf(slipway.Denied, "%s is a service account, and whoever handles it can do all that it can: that takes %s", a.Name, whose)
}

// fresh reads an account again within a change, with its teams.
func fresh(ctx context.Context, db *ent.Client, id int) (*ent.Account, error) {
	return withTeams(db.Account.Query()).Where(account.ID(id)).Only(ctx)
}

// endForeignTokens ends the tokens of a service account that has just got more
// than it had, where who made them, and may have kept them, couldn't make them now.
func (d *Directory) endForeignTokens(ctx context.Context, db *ent.Client, id int) error {
	a, err := fresh(ctx, db, id)
	if err != nil || a.Kind != account.KindService {
		return err
	}
	rows, err := db.Token.Query().Where(token.AccountID(id), token.RevokedAtIsNil()).All(ctx)
	if err != nil {
		return err
	}
	may := map[string]bool{}
	for _, row := range rows {
		if _, known := may[row.MadeBy]; !known {
			if may[row.MadeBy], err = couldMake(ctx, db, row.MadeBy, a); err != nil {
				return err
			}
		}
		if may[row.MadeBy] {
			continue
		}
		if err := db.Token.UpdateOneID(row.ID).SetRevokedAt(time.Now().UTC()).Exec(ctx); err != nil {
			return err
		}
		d.recordAccount(ctx, "token.revoked", a, map[string]string{"token_name": row.Name, "why": "the account may do more now than who made it"})
	}
	return nil
}

// couldMake tells whether an account could make a token of a. Who has no account
// is Slipway's operator.
func couldMake(ctx context.Context, db *ent.Client, name string, a *ent.Account) (bool, error) {
	if name == "" || name == a.Name { // not known, or made with a token that somebody made
		return false, nil
	}
	maker, err := withTeams(db.Account.Query()).Where(account.Name(name)).Only(ctx)
	if ent.IsNotFound(err) {
		return true, nil
	}
	if err != nil || !maker.Active {
		return false, err
	}
	v := slipway.Viewer{Kind: slipway.ViewerKind(maker.Kind), Account: maker.ID, Name: maker.Name, Admin: maker.Admin, Roles: map[int]slipway.Role{}}
	for _, m := range maker.Edges.Memberships {
		v.Roles[m.TeamID] = slipway.Role(m.Role)
	}
	return handles(v, a), nil
}
