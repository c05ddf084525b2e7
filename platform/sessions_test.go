package platform_test

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent/auditentry"
	"github.com/slipway-dev/slipway/ent/session"
	"github.com/slipway-dev/slipway/identity"
)

// TestSessionsAreEndedOneByOne ends one of three, lets another run out, and
// reads why.
func TestSessionsAreEndedOneByOne(t *testing.T) {
	both(t, func(w *world) {
		w.person("bob", false)
		w.person("eve", false)
		here, stolen, old := w.signIn("bob"), w.signIn("bob"), w.signIn("bob")
		ctx := w.session(here)
		v, err := w.Identify(w.T.Context(), stolen.Access, cli)
		w.must(err)
		forgotten, err := w.Identify(w.T.Context(), old.Access, cli)
		w.must(err)
		w.must(w.Storage.Client.Session.Update().Where(session.Key(forgotten.Session)).SetExpiresAt(time.Now().UTC().Add(-time.Hour)).Exec(w.Context()))

		// Whose it isn't can't end it, nor tell it from what isn't there.
		eve := w.session(w.signIn("eve"))
		w.want(w.EndSession(eve, v.Session), slipway.NotFound, "no open session")
		w.must(w.EndSession(ctx, v.Session))
		w.want(w.EndSession(ctx, v.Session), slipway.NotFound, "no open session")
		_, err = w.Identify(w.T.Context(), stolen.Access, cli)
		w.want(err, slipway.Unauthenticated, "not good")
		_, err = w.Refresh(w.T.Context(), stolen.Refresh, cli)
		w.want(err, slipway.Unauthenticated, "sign in again")

		open, err := w.Platform.Sessions(ctx)
		w.must(err)
		if len(open) != 1 || open[0].Key != slipway.ViewerFrom(ctx).Session {
			w.Errorf("%d are open", len(open))
		}
		ended, err := w.EndedSessions(ctx)
		w.must(err)
		if len(ended) != 2 || ended[0].Key != forgotten.Session || ended[1].Key != v.Session {
			w.Fatalf("%v", ended)
		}
		for i, why := range []string{"it was not used any more, or had lasted as long as a session may", "ended from the list of sessions"} {
			if ended[i].EndedBy != why || ended[i].EndedAt == nil {
				w.Errorf("%+v", ended[i])
			}
		}
		n, err := w.Storage.Client.AuditEntry.Query().Where(auditentry.Action("session.end"), auditentry.Object("session "+v.Session), auditentry.Actor("bob")).Count(w.Context())
		if err != nil || n != 1 {
			w.Errorf("%d entries: %v", n, err)
		}
		// A new password ends the others, and says so.
		again := w.signIn("bob")
		w.must(w.SetPassword(ctx, "bob", identity.PasswordChange{Current: password, New: slipway.NewSecret("a whole new password it is")}))
		_, err = w.Identify(w.T.Context(), again.Access, cli)
		w.want(err, slipway.Unauthenticated, "not good")
		ended, err = w.EndedSessions(ctx)
		w.must(err)
		if len(ended) != 3 || ended[0].EndedBy != "the password was changed" {
			w.Errorf("%v", ended)
		}
	})
}
