package platform

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/store"
)

// AuditResult tells how an attempt ended.
type AuditResult string

const (
	AuditDone    AuditResult = "done"
	AuditRefused AuditResult = "refused"
	// AuditBegun stands before what reaches outside the database. The entry of its
	// end follows; where none does, it may or may not have happened.
	AuditBegun AuditResult = "begun"
)

// sealedEntry is what an entry's hash covers: everything but the hash.
type sealedEntry struct {
	Sequence    int               `json:"sequence"`
	At          time.Time         `json:"at"`
	Actor       string            `json:"actor"`
	Kind        string            `json:"kind"`
	Via         string            `json:"via"`
	Address     string            `json:"address"`
	Request     string            `json:"request"`
	Action      string            `json:"action"`
	Team        string            `json:"team"`
	Service     string            `json:"service"`
	Environment string            `json:"environment"`
	Object      string            `json:"object"`
	Result      string            `json:"result"`
	Reason      string            `json:"reason"`
	Before      map[string]string `json:"before,omitempty"`
	After       map[string]string `json:"after,omitempty"`
	Previous    string            `json:"previous"`
}

// hash is keyed: whoever can write the database alone can't make a row that fits.
func (e sealedEntry) hash(key []byte) (string, error) {
	e.At = e.At.UTC()
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil)), nil
}

func sealedOf(row *ent.AuditEntry) sealedEntry {
	return sealedEntry{
		Sequence: row.Sequence, At: row.At, Actor: row.Actor, Kind: row.Kind, Via: row.Via, Address: row.Address, Request: row.Request,
		Action: row.Action, Team: row.Team, Service: row.Service, Environment: row.Environment, Object: row.Object, Result: row.Result,
		Reason: row.Reason, Before: row.Before, After: row.After, Previous: row.Previous,
	}
}

const (
	auditKeyName  = "_platform/audit-key"
	auditHeadName = "_platform/audit-head"
)

func (p *Platform) ref(name string) slipway.SecretRef {
	return slipway.SecretRef(p.Secrets.Scheme() + "://" + name)
}

// auditKey reads the key of the chain, making it at the first time.
func (p *Platform) auditKey(ctx context.Context) ([]byte, error) {
	secret, err := p.Secrets.Get(ctx, p.ref(auditKeyName))
	if slipway.CodeOf(err) == slipway.NotFound {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails since Go 1.24
		secret = slipway.NewSecret(hex.EncodeToString(key))
		err = p.Secrets.Set(ctx, p.ref(auditKeyName), secret)
	}
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(secret.Reveal())
}

// enterAudit adds an entry to the chain: in the transaction of the change that
// ctx is of, and otherwise by itself. Two processes that add at once don't fork
// the chain: the sequence is unique, and the later one tries again.
func (p *Platform) enterAudit(ctx context.Context, e sealedEntry) error {
	e.At = time.Now().UTC().Truncate(time.Microsecond) // what both databases keep
	if r := recordingFrom(ctx); r != nil {
		if e.Result == string(AuditRefused) {
			r.refused = append(r.refused, func() { p.keepEntry(context.WithValue(ctx, recordingKey{}, (*recording)(nil)), e) })
			return nil
		}
		r.enter(ctx, e)
		return nil // the change says it
	}
	ctx = store.AsSystem(context.WithoutCancel(ctx))
	p.auditing.Lock()
	defer p.auditing.Unlock()
	key, err := p.auditKey(ctx)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		head, err := chain(ctx, p.db, key, e)
		if ent.IsConstraintError(err) && try < 20 {
			continue
		}
		if err != nil {
			return err
		}
		if aboutAccess(e.Action) {
			defer p.following.accessChanged()
		}
		return p.keepHead(ctx, head)
	}
}

// keepEntry is enterAudit for what has happened already: when it can't be written
// that is logged in full.
func (p *Platform) keepEntry(ctx context.Context, e sealedEntry) {
	if err := p.enterAudit(ctx, e); err != nil {
		p.Log.Error("the audit log could not be written", "action", e.Action, "actor", e.Actor, "team", e.Team, "service", e.Service, "environment", e.Environment, "result", e.Result, "error", err)
	}
}

// audit puts an attempt on record, as part of the change that ctx is of.
func (p *Platform) audit(ctx context.Context, result AuditResult, action, service, environment, object, reason string, before, after map[string]string) {
	v := slipway.ViewerFrom(ctx)
	p.keepEntry(ctx, sealedEntry{
		Actor: v.Name, Kind: string(v.Kind), Via: v.Via, Address: v.Address, Request: requestFrom(ctx), Action: action,
		Service: service, Environment: environment, Object: object, Result: string(result), Reason: reason, Before: masked(before), After: masked(after),
	})
}

func (p *Platform) refused(ctx context.Context, action, service, environment, reason string) {
	p.audit(ctx, AuditRefused, action, store.Clean(service), store.Clean(environment), "", reason, nil, nil)
}

// masked hides the values of settings that look like secrets.
func masked(values map[string]string) map[string]string {
	if len(values) == 0 {
		return nil
	}
	out := map[string]string{}
	for key, value := range values {
		if name, _ := strings.CutPrefix(key, "set "); LooksSecret(name) && name != "credential" {
			value = "[secret]"
		}
		out[key] = value
	}
	return out
}

type requestKey struct{}

// WithRequest names the request that a change comes with, for the record.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

func requestFrom(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// AuditQuery selects entries; they are listed newest first.
type AuditQuery struct {
	Actor, Action, Service, Environment string // "" for all
	Result                              AuditResult
	Since, Until                        time.Time // zero for no bound
	store.Page
}

// Audit lists who did and tried what. It takes an admin of the platform.
func (p *Platform) Audit(ctx context.Context, q AuditQuery) (store.List[*ent.AuditEntry], error) {
	none := store.List[*ent.AuditEntry]{}
	if _, err := p.signedIn(ctx, slipway.PermitPlatform); err != nil {
		return none, err
	}
	limit, err := q.Size()
	if err != nil {
		return none, err
	}
	after, err := q.AfterNumber()
	if err != nil {
		return none, err
	}
	var where []predicate.AuditEntry
	for _, f := range []struct {
		value string
		is    func(string) predicate.AuditEntry
	}{{q.Actor, auditentry.Actor}, {q.Action, auditentry.Action}, {q.Service, auditentry.Service}, {q.Environment, auditentry.Environment}, {string(q.Result), auditentry.Result}} {
		if f.value != "" {
			where = append(where, f.is(f.value))
		}
	}
	if !q.Since.IsZero() {
		where = append(where, auditentry.AtGTE(q.Since.UTC()))
	}
	if !q.Until.IsZero() {
		where = append(where, auditentry.AtLT(q.Until.UTC()))
	}
	if after > 0 {
		where = append(where, auditentry.SequenceLT(after))
	}
	rows, err := p.db.AuditEntry.Query().Where(where...).Order(ent.Desc(auditentry.FieldSequence)).Limit(limit + 1).All(ctx)
	if err != nil {
		return none, err
	}
	return store.Cut(rows, limit, func(e *ent.AuditEntry) string { return strconv.Itoa(e.Sequence) }), nil
}

// AuditCheck is what VerifyAudit found.
type AuditCheck struct {
	Entries int    // that are as they were written
	Broken  int    // the sequence of the first that isn't; 0 for none
	Problem string // in words; "" when the chain is whole
}

// VerifyAudit walks the chain from its beginning and stops at the first entry
// that was changed or is missing.
func (p *Platform) VerifyAudit(ctx context.Context) (AuditCheck, error) {
	var check AuditCheck
	if _, err := p.signedIn(ctx, slipway.PermitPlatform); err != nil {
		return check, err
	}
	key, err := p.auditKey(ctx)
	if err != nil {
		return check, err
	}
	head, err := p.Secrets.Get(ctx, p.ref(auditHeadName))
	if err != nil && slipway.CodeOf(err) != slipway.NotFound {
		return check, err
	}
	previous := ""
	for {
		rows, err := p.db.AuditEntry.Query().Where(auditentry.SequenceGT(check.Entries)).Order(auditentry.BySequence()).Limit(1000).All(ctx)
		if err != nil {
			return check, err
		}
		for _, row := range rows {
			hash, err := sealedOf(row).hash(key)
			if err != nil {
				return check, err
			}
			switch {
			case row.Sequence != check.Entries+1:
				check.Broken, check.Problem = check.Entries+1, fmt.Sprintf("entry %d is missing", check.Entries+1)
			case row.Previous != previous || !hmac.Equal([]byte(hash), []byte(row.Hash)):
				check.Broken, check.Problem = row.Sequence, fmt.Sprintf("entry %d is not as it was written", row.Sequence)
			}
			if check.Broken > 0 {
				return check, nil
			}
			check.Entries, previous = row.Sequence, row.Hash
		}
		if len(rows) < 1000 {
			break
		}
	}
	sequence, hash, _ := strings.Cut(head.Reveal(), " ")
	if last, _ := strconv.Atoi(sequence); last > check.Entries {
		check.Broken, check.Problem = check.Entries+1, fmt.Sprintf("entries %d to %d are missing at the end", check.Entries+1, last)
	} else if last == check.Entries && hash != previous {
		check.Broken, check.Problem = check.Entries, fmt.Sprintf("entry %d is not the one that was written", check.Entries)
	}
	return check, nil
}
