package service

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// comparison is what differs between two releases of a service, or between what
// two environments run.
type comparison struct {
	*platform.Compared
	Service      string
	Facts        []factChange
	Was, Is      string // what stands over the columns
	Environments []*ent.Environment
	Environment  string // whose config is compared
	Rendered     bool
}

// factChange is something about how a release runs that differs.
type factChange struct{ What, Was, Is string }

func (x comparison) commitTitle() string {
	if x.Behind {
		return "Commits in " + x.Was + ", not in " + x.Is
	}
	return "Commits in " + x.Is + ", not in " + x.Was
}

func (x comparison) noCommits() string {
	if x.CommitsWhy != "" {
		return "They can't be told: " + x.CommitsWhy + "."
	}
	return "Both are of the same commit."
}

// configAddress is where the config that differs in an environment is.
func (x comparison) configAddress(environment, key, value string) string {
	return string(words.WithQuery(words.Path("services", x.Service, "compare"), "from", words.Number(x.From.Number), "to", words.Number(x.To.Number), "env", environment, key, value))
}

func (p *pages) compareReleases(c *shell.Call) error {
	v, err := p.serviceOf(c, "")
	if err != nil {
		return err
	}
	from, _ := strconv.Atoi(c.Query("from"))
	to, _ := strconv.Atoi(c.Query("to"))
	if from < 1 || to < 1 {
		return slipway.Errorf(slipway.Invalid, "choose two releases to compare")
	}
	x := comparison{Service: v.Name, Was: words.Number(from), Is: words.Number(to), Environment: c.Query("env")}
	if x.Compared, err = p.CompareReleases(c.Ctx, v.Name, from, to); err != nil {
		return err
	}
	if x.Environments, err = p.Environments(c.Ctx); err != nil {
		return err
	}
	if x.Environment == "" && len(x.Environments) > 0 {
		x.Environment = x.Environments[0].Name
	}
	if c.Fragment() == "config" || c.Query("view") == "config" {
		x.Rendered = true
		if x.Config, err = p.CompareRendered(c.Ctx, v.Name, from, to, x.Environment); err != nil {
			if code := slipway.CodeOf(err); code == slipway.Internal || code == slipway.Denied {
				return err
			}
			x.ConfigWhy = shell.Sentence(err)
		}
		if c.Fragment() == "config" {
			return c.Show(http.StatusOK, renderedDifference(x))
		}
	}
	x.Facts = factChanges(x.From, x.To)
	return c.Show(http.StatusOK, comparePage(c.Frame(v.Name+" "+words.Number(from)+" and "+words.Number(to), "overview"), v, x))
}

// factChanges tells what differs in how two releases run.
func factChanges(was, is *ent.Release) []factChange {
	var out []factChange
	note := func(what, a, b string) {
		if a != b {
			out = append(out, factChange{what, a, b})
		}
	}
	note("Python", was.Python, is.Python)
	note("Framework", was.Framework, is.Framework)
	note("Release command", was.Manifest.ReleaseCommand, is.Manifest.ReleaseCommand)
	note("Health check", was.Manifest.Health.Path, is.Manifest.Health.Path)
	commands := map[string][2]string{}
	for _, p := range was.Manifest.Processes {
		commands[p.Name] = [2]string{p.Command, ""}
	}
	for _, p := range is.Manifest.Processes {
		commands[p.Name] = [2]string{commands[p.Name][0], p.Command}
	}
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		note("Process "+name, commands[name][0], commands[name][1])
	}
	env := map[string][2]string{}
	for k, v := range was.Manifest.Env {
		env[k] = [2]string{v, ""}
	}
	for k, v := range is.Manifest.Env {
		env[k] = [2]string{env[k][0], v}
	}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		note("Default "+k, env[k][0], env[k][1])
	}
	return out
}
