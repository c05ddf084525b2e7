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
	"github.com/slipway-dev/slipway/sandbox"
)

// checkImport imports the application in its environment, so that no deploy
// starts on an unchecked guess.
func (r *run) checkImport(ctx context.Context, p *python.Project, source string, env environment) error {
	code, args, ok := p.ImportCheck()
	if !ok {
		return nil
	}
	answer, vars := filepath.Join(r.own(), "import.json"), r.appEnv(p, source, env, p.Config.BuildEnv())
	result, seen, err := r.command(ctx, sandbox.Command{
		Args: append([]string{env.python(), "-c", code}, append(args, answer)...),
		Dir:  p.Application.Dir.In(source), Env: vars,
		Timeout: time.Minute, Project: true, Confinement: r.inside(p, env, source),
	})
	if err != nil {
		return err
	}
	if result.TimedOut {
		return slipway.Errorf(slipway.Refused, "importing %s takes longer than a minute; an application must not do its work while it is imported", p.Application.Module)
	}
	text, err := readMade(answer)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk(err, "the result of the import can't be read")
	}
	told, err := python.ReadImportResult(text)
	if err != nil {
		return err
	}
	if said := lastSaid(seen); told.ErrorType == "SystemExit" && said != "" { // its error is a number
		told.Error += " (" + said + ")"
	}
	if problem := p.Judge(told); problem != nil {
		given := func(name string) bool { return python.Given(name) || lookup(vars, name) != "" }
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
