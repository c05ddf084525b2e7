// Package audit keeps the record of who did and tried what: in the transaction of the
// change, in a chain that shows what was altered or taken away.
package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/predicate"
	"github.com/slipway-dev/slipway/store"
)

// Log is the audit log: entries that are only ever added, each sealed with the one
// before it by a key in the secret store. Its methods may be called at once.
type Log struct {
	Store   *store.Store
	Secrets slipway.SecretStore
	Log     *slog.Logger
	// Entered is told the actions of entries once they are there; nil, and nobody is.
	Entered func(actions ...string)

	adding sync.Mutex // one entry after the other
}

func (l *Log) entered(actions ...string) {
	if l.Entered != nil && len(actions) > 0 {
		l.Entered(actions...)
	}
}

// Result tells how an attempt ended.
type Result string

const (
	Done    Result = "done"
	Refused Result = "refused"
	// Begun stands before what reaches outside the database. The entry of its
	// end follows; where none does, it may or may not have happened.
	Begun Result = "begun"
)

// Entry is what an entry's hash covers: everything but the hash.
type Entry struct {
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
func (e Entry) hash(key []byte) (string, error) {
	e.At = e.At.UTC()
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil)), nil
}

func sealedOf(row *ent.AuditEntry) Entry {
	return Entry{
		Sequence: row.Sequence, At: row.At, Actor: row.Actor, Kind: row.Kind, Via: row.Via, Address: row.Address, Request: row.Request,
		Action: row.Action, Team: row.Team, Service: row.Service, Environment: row.Environment, Object: row.Object, Result: row.Result,
		Reason: row.Reason, Before: row.Before, After: row.After, Previous: row.Previous,
	}
}

const (
	// KeyName is what the key of the chain is called in the secret store.
	KeyName  = "_platform/audit-key"
	headName = "_platform/audit-head"
)

// key reads the key of the chain, making it at the first time.
func (l *Log) key(ctx context.Context) ([]byte, error) {
	secret, err := l.Secrets.Get(ctx, slipway.RefIn(l.Secrets, KeyName))
	if slipway.CodeOf(err) == slipway.NotFound {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails since Go 1.24
		secret = slipway.NewSecret(hex.EncodeToString(key))
		err = l.Secrets.Set(ctx, slipway.RefIn(l.Secrets, KeyName), secret)
	}
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(secret.Reveal())
}

// enter adds an entry to the chain: in the transaction of the change that
// ctx is of, and otherwise by itself. Two processes that add at once don't fork
// the chain: the sequence is unique, and the later one tries again.
func (l *Log) enter(ctx context.Context, e Entry) error {
	e.At = time.Now().UTC().Truncate(time.Microsecond) // what both databases keep
	if r := changeFrom(ctx); r != nil {
		if e.Result == string(Refused) {
			r.refused = append(r.refused, func() { l.Keep(context.WithValue(ctx, changeKey{}, (*change)(nil)), e) })
			return nil
		}
		r.enter(ctx, e)
		return nil // the change says it
	}
	ctx = store.AsSystem(context.WithoutCancel(ctx))
	l.adding.Lock()
	defer l.adding.Unlock()
	key, err := l.key(ctx)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		head, err := chain(ctx, l.Store.Client, key, e)
		if ent.IsConstraintError(err) && try < 20 {
			continue
		}
		if err != nil {
			return err
		}
		defer l.entered(e.Action)
		return l.keepHead(ctx, head)
	}
}

// Keep is enter for what has happened already: when it can't be written
// that is logged in full.
func (l *Log) Keep(ctx context.Context, e Entry) {
	if err := l.enter(ctx, e); err != nil {
		l.Log.Error("the audit log could not be written", "action", e.Action, "actor", e.Actor, "team", e.Team, "service", e.Service, "environment", e.Environment, "result", e.Result, "error", err)
	}
}

// Record puts an attempt on record, as part of the change that ctx is of.
func (l *Log) Record(ctx context.Context, result Result, action, service, environment, object, reason string, before, after map[string]string) {
	v := slipway.ViewerFrom(ctx)
	l.Keep(ctx, Entry{
		Actor: v.Name, Kind: string(v.Kind), Via: v.Via, Address: v.Address, Request: Request(ctx), Action: action,
		Service: service, Environment: environment, Object: object, Result: string(result), Reason: reason, Before: Masked(before), After: Masked(after),
	})
}

// Refused puts on record that something was refused, and why.
func (l *Log) Refused(ctx context.Context, action, service, environment, reason string) {
	l.Record(ctx, Refused, action, store.Clean(service), store.Clean(environment), "", reason, nil, nil)
}

// Masked hides the values of settings that look like secrets.
func Masked(values map[string]string) map[string]string {
	if len(values) == 0 {
		return nil
	}
	out := map[string]string{}
	for key, value := range values {
		if name, _ := strings.CutPrefix(key, "set "); slipway.LooksSecret(name) && name != "credential" {
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

// Request is the name of the request that ctx is of; "" for none.
func Request(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// Query selects entries; they are listed newest first.
type Query struct {
	Actor, Action, Service, Environment string // "" for all
	Result                              Result
	Since, Until                        time.Time // zero for no bound
	store.Page
}

// List lists who did and tried what.
func (l *Log) List(ctx context.Context, q Query) (store.List[*ent.AuditEntry], error) {
	none := store.List[*ent.AuditEntry]{}
	limit, after, err := q.Numbered()
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
	rows, err := l.Store.Client.AuditEntry.Query().Where(where...).Order(ent.Desc(auditentry.FieldSequence)).Limit(limit + 1).All(ctx)
	if err != nil {
		return none, err
	}
	return store.Cut(rows, limit, func(e *ent.AuditEntry) string { return strconv.Itoa(e.Sequence) }), nil
}

// Check is what VerifyAudit found.
type Check struct {
	Entries int    // that are as they were written
	Broken  int    // the sequence of the first that isn't; 0 for none
	Problem string // in words; "" when the chain is whole
}

// Verify walks the chain from its beginning and stops at the first entry
// that was changed or is missing.
func (l *Log) Verify(ctx context.Context) (Check, error) {
	var check Check
	key, err := l.key(ctx)
	if err != nil {
		return check, err
	}
	head, err := l.Secrets.Get(ctx, slipway.RefIn(l.Secrets, headName))
	if err != nil && slipway.CodeOf(err) != slipway.NotFound {
		return check, err
	}
	previous := ""
	for {
		rows, err := l.Store.Client.AuditEntry.Query().Where(auditentry.SequenceGT(check.Entries)).Order(auditentry.BySequence()).Limit(1000).All(ctx)
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

// Yes is how entries write a switch.
func Yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Before is what was there, where that is known: the first of a list that may be empty.
func Before(list []map[string]string) map[string]string {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}
