package platform

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/audit"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/ent/promotion"
	"github.com/slipway-dev/slipway/ent/step"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/workflows"
)

// What the engine asks to be done counts for nothing by itself. A step is carried
// out for a promotion that is recorded, as it was recorded, and behind its gates
// only once they were found open. A word counts when it carries a seal, which is
// made with a key in the secret store after the word was put on record.

var _ workflows.Warrants = (*Gates)(nil)

// sealKey is what words are sealed with. It comes from the audit log's key, so
// that whoever can't write the one can't make the other.
func sealKey(ctx context.Context, secrets slipway.SecretStore) ([]byte, error) {
	if secrets == nil {
		return nil, slipway.Errorf(slipway.Denied, "there is no key here by which words of the platform could be known")
	}
	secret, err := secrets.Get(store.AsSystem(ctx), slipway.SecretRef(secrets.Scheme()+"://"+audit.KeyName))
	if err != nil {
		return nil, slipway.Wrap(slipway.Unavailable, err, "the key of the audit log can't be read")
	}
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write([]byte("words to promotions"))
	return mac.Sum(nil), nil
}

// sealOf covers everything that is said; seal itself is left out by the caller.
func sealOf(key []byte, said any) (string, error) {
	text, err := json.Marshal(said)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil)), nil
}

// begun puts what somebody is about to say to a promotion on record. What can't
// be recorded is not said.
func (p *Platform) begun(ctx context.Context, action string, row *ent.Promotion, facts map[string]string) error {
	return p.audit.Change(ctx, func(ctx context.Context, _ *ent.Tx) error {
		p.audit.Record(ctx, audit.Begun, action, row.Edges.Service.Name, row.Edges.Environment.Name, "promotion "+strconv.Itoa(row.ID), "", nil, facts)
		return nil
	})
}

// word seals what is said to a promotion; begun was called before.
func (p *Platform) word(ctx context.Context, promotion, what, by string) (workflows.Word, error) {
	key, err := sealKey(ctx, p.Secrets)
	if err != nil {
		return workflows.Word{}, err
	}
	w := workflows.Word{Promotion: promotion, What: what, By: by, At: store.Now()}
	w.Seal, err = sealOf(key, w)
	return w, err
}

// sealed seals a decision; begun was called before.
func (p *Platform) sealed(ctx context.Context, d slipway.Decision) (slipway.Decision, error) {
	key, err := sealKey(ctx, p.Secrets)
	if err == nil {
		d.Seal, err = sealOf(key, d)
	}
	return d, err
}

// genuine checks a seal over what was said without it.
func (g *Gates) genuine(ctx context.Context, said any, seal string) error {
	key, err := sealKey(ctx, g.Secrets)
	if err != nil {
		return err
	}
	right, err := sealOf(key, said)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(right), []byte(seal)) {
		return slipway.Errorf(slipway.Denied, "this was not said through the platform; use its API, portal or CLI")
	}
	return nil
}

// Heard is asked about each word to a promotion.
func (g *Gates) Heard(ctx context.Context, w workflows.Word) error {
	seal := w.Seal
	w.Seal = ""
	return g.genuine(ctx, w, seal)
}

// behindGates are the steps that change an environment, or see its secrets.
var behindGates = []slipway.StepName{slipway.StepPreflight, slipway.StepMigrate, slipway.StepDeploy, slipway.StepVerify}

// Warrant compares what is asked for with what was recorded.
func (g *Gates) Warrant(ctx context.Context, in workflows.Input, name slipway.StepName) error {
	ctx = store.AsSystem(ctx)
	id, err := report.Number(in.Promotion)
	if err != nil {
		return err
	}
	row, err := g.Ledger.db.Promotion.Query().Where(promotion.ID(id)).WithRelease().
		WithSteps(func(q *ent.StepQuery) { q.Where(step.NameEQ(step.NameApprove)) }).Only(ctx)
	if err != nil {
		return store.Missing(err, "there is no promotion %s", in.Promotion)
	}
	frozen, err := frozenInput(row)
	if err != nil {
		return err
	}
	denied := slipway.Errorf(slipway.Denied, "promotion %s is not what the platform recorded under this number, so it is not carried out", in.Promotion)
	if in.Release == 0 && in.Overrides != frozen.Overrides || !bytes.Equal(ordered(in), ordered(frozen)) {
		return denied
	}
	if name == workflows.StepEnd {
		return nil
	}
	if !slices.Contains(catalog.UnderWay, row.State) {
		return slipway.Errorf(slipway.Denied, "promotion %s is over", in.Promotion)
	}
	made := row.Edges.Release
	if in.Release != 0 && (made == nil || made.Number != in.Release || made.Artifact != string(in.Artifact)) || in.Release == 0 && in.Artifact != "" {
		return denied
	}
	if !slices.Contains(behindGates, name) || len(row.Edges.Steps) == 0 {
		return nil
	}
	if at := row.Edges.Steps[0].State; at != step.StateSucceeded && at != step.StateSkipped {
		return slipway.Errorf(slipway.Denied, "the gates of promotion %s were not found open, so nothing is changed", in.Promotion)
	}
	if row.PlanHash != "" && row.Plan != nil && row.Plan.Config != in.Snapshot {
		return slipway.Errorf(slipway.Denied, "promotion %s was let through with another config than this one", in.Promotion)
	}
	return nil
}

// ordered is what a promotion was told at its beginning and keeps to its end;
// the rest is found out on its way.
func ordered(in workflows.Input) []byte {
	in.Steps, in.Release, in.Artifact, in.Snapshot, in.Overrides = nil, 0, "", "", ""
	in.Strategy, in.Bake, in.Queued, in.Withheld, in.Together = slipway.Strategy{}, 0, false, false, false
	in.Commit.Time = in.Commit.Time.UTC().Truncate(time.Microsecond)
	text, err := json.Marshal(in)
	if err != nil {
		panic(err) // strings and numbers
	}
	return text
}
