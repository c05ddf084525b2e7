package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/sandbox"
)

// importing imports the application in its environment, and keeps what it printed. ok is
// false when there is nothing to import.
func (r *run) importing(ctx context.Context, p *python.Project, source string, env environment) (told python.ImportResult, seen string, ok bool, err error) {
	code, args, ok := p.ImportCheck()
	if !ok {
		return told, "", false, nil
	}
	answer := filepath.Join(r.own(), "import.json")
	if err := os.RemoveAll(answer); err != nil { // of another object
		return told, "", true, disk(err, "the result of an import can't be removed")
	}
	result, seen, err := r.command(ctx, sandbox.Command{
		Args: append([]string{env.python(), "-c", code}, append(args, answer)...),
		Dir:  p.Application.Dir.In(source), Env: r.appEnv(p, source, env, p.Config.BuildEnv()),
		Timeout: time.Minute, Project: true, Confinement: r.inside(p, env, source),
	})
	if err != nil {
		return told, seen, true, err
	}
	if result.TimedOut {
		return told, seen, true, slipway.Errorf(slipway.Refused, "importing %s takes longer than a minute; an application must not do its work while it is imported", p.Application.Module)
	}
	text, err := readMade(answer)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return told, seen, true, disk(err, "the result of the import can't be read")
	}
	told, err = python.ReadImportResult(text)
	return told, seen, true, err
}

// chosenError is a build that has found which of several objects is the application.
type chosenError struct{ python.Application }

func (e *chosenError) Error() string {
	return fmt.Sprintf("%s:%s is the only one of the objects that could be the application which works once it is imported", e.Module, e.Object)
}

// decide imports each object that could be the application.
func (r *run) decide(ctx context.Context, p *python.Project, source string, env environment) error {
	told := make([]python.ImportResult, len(p.Candidates))
	for i, c := range p.Candidates {
		one := *p
		one.Application = &c.Application
		result, _, _, err := r.importing(ctx, &one, source, env)
		if err != nil && slipway.CodeOf(err) != slipway.Refused {
			return err
		}
		told[i] = result
		switch {
		case result.Works():
			fmt.Fprintf(r.log, "%s works once it is imported\n", c.Name)
		case result.OK:
			fmt.Fprintf(r.log, "%s has no routes once it is imported\n", c.Name)
		default:
			fmt.Fprintf(r.log, "%s can't be imported: %s: %s\n", c.Name, result.ErrorType, clip(result.Error, 200))
		}
	}
	chosen, problem := p.Decide(told)
	switch {
	case problem != nil:
		return slipway.Errorf(slipway.Refused, "%s", problem.Sentence())
	case chosen != nil:
		return &chosenError{*chosen}
	}
	return nil // the import of the first says why
}

// checkImport imports the application in its environment, so that no deploy
// starts on an unchecked guess.
func (r *run) checkImport(ctx context.Context, p *python.Project, source string, env environment) error {
	if len(p.Candidates) > 0 {
		if err := r.decide(ctx, p, source, env); err != nil {
			return err
		}
	}
	told, seen, ok, err := r.importing(ctx, p, source, env)
	if err != nil || !ok {
		return err
	}
	vars := r.appEnv(p, source, env, p.Config.BuildEnv())
	if said := lastSaid(seen); told.ErrorType == "SystemExit" && said != "" { // its error is a number
		told.Error += " (" + said + ")"
	}
	if problem := p.Judge(told); problem != nil {
		given := func(name string) bool { return syntax.Given(name) || lookup(vars, name) != "" }
		if wants := p.Wanting(os.DirFS(source), told, given); wants != nil && !told.OK {
			problem = wants
		}
		says := problem.Sentence()
		if missed := missedServer(p, source, seen+"\n"+told.ErrorType+": "+told.Error); missed != "" {
			says = fmt.Sprintf("importing %s:%s fails: %s", p.Application.Module, p.Application.Object, missed)
		}
		err := slipway.Errorf(slipway.Refused, "%s%s%s", says, r.whyUnbuilt(), r.remedy(seen+told.Error))
		if newest, why, old := p.Outgrown(told.ErrorType + ": " + told.Error); old {
			return &outgrownError{err, newest, why}
		}
		return err
	}
	fmt.Fprintf(r.log, "imported %s:%s, which is %s\n", p.Application.Module, p.Application.Object, told.Interface)
	return nil
}

// lastSaid is the last line that a program has printed.
func lastSaid(seen string) string {
	lines := strings.Split(strings.TrimSpace(seen), "\n")
	return clip(strings.TrimSpace(lines[len(lines)-1]), 200)
}

// missedServer says that an import looked for a server in vain, "" when it didn't. What a
// build is given are the settings of no environment, so the address has to be said for
// builds.
func missedServer(p *python.Project, source, text string) string {
	u, found := slipway.FindUnreached(text)
	if !found {
		return ""
	}
	where := "at " + u.String()
	if u.Host+u.Socket == "" {
		where = "of " + u.Server
	}
	names := addressVariables(p, source, u)
	if len(names) == 0 {
		return fmt.Sprintf("it wants a server %s, and none answers in the build; let it connect when it first needs it", where)
	}
	return fmt.Sprintf("it wants a server %s, and none answers in the build; let it connect when it first needs it, or give builds one that they may use: slipway service set SERVICE --set build.env.%s=...", where, strings.Join(names, "=... --set build.env."))
}
