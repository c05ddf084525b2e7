package service

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/platform"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// configView is the config of a service in an environment, or in all of them.
type configView struct {
	Environment  string // "" for all
	Environments []*ent.Environment
	Settings     []catalog.Setting
	Revision     string
	Live         *ent.Deployment
	Changes      []configChange // against what runs
	Other        string         // an environment to compare with
	Differences  []configChange
	History      []*ent.Event
	Files        []slipway.RenderedFile
	Rendered     bool
	Apart        []slipway.ConfigChange // rendered files against those that run
	Check        platform.ConfigCheck   // what the release asks for
	Err          string
	Key          string // that a link fills in
}

// warning is what the platform warns of, as a sentence of a page.
func warning(text string) string { return shell.Sentence(slipway.Errorf(slipway.Invalid, "%s", text)) }

// configChange is one key that differs; "" stands for one that isn't there.
type configChange struct{ Key, Was, Is string }

// shown is a value as a page may show it: a secret by its reference.
func shown(v slipway.ConfigValue, ok bool) string {
	switch {
	case !ok:
		return ""
	case v.Secret != "" && v.Fingerprint != "":
		return "(secret, fingerprint " + v.Fingerprint + ")"
	case v.Secret != "":
		return "(secret " + v.Secret.Name() + ")"
	case v.Value == "":
		return `""`
	}
	return v.Value
}

// masked hides the value of a setting that looks like a secret but isn't one.
func masked(s catalog.Setting) string {
	if s.Secret != "" || slipway.LooksSecret(s.Key) {
		return "••••••••"
	}
	if s.Value == "" {
		return "(empty)"
	}
	return s.Value
}

// configChanges tells which keys differ between two configs.
func configChanges(was, is map[string]slipway.ConfigValue) []configChange {
	keys := map[string]bool{}
	for k := range was {
		keys[k] = true
	}
	for k := range is {
		keys[k] = true
	}
	var out []configChange
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		a, inA := was[k]
		b, inB := is[k]
		if inA == inB && a == b {
			continue
		}
		ch := configChange{k, shown(a, inA), shown(b, inB)}
		if slipway.LooksSecret(k) {
			ch.Was, ch.Is = hidden(ch.Was), hidden(ch.Is)
		}
		out = append(out, ch)
	}
	return out
}

func hidden(value string) string {
	if value == "" || strings.HasPrefix(value, "(secret") {
		return value
	}
	return "••••••••"
}

func valuesOf(list []catalog.Setting) map[string]slipway.ConfigValue {
	out := map[string]slipway.ConfigValue{}
	for _, s := range list {
		out[s.Key] = s.ConfigValue
	}
	return out
}

func layerWords(layer slipway.ConfigLayer, service, environment string) string {
	switch layer {
	case slipway.LayerDefaults:
		return "slipway.yaml"
	case slipway.LayerService:
		return service + ", all environments"
	case slipway.LayerEnvironment:
		return "all of " + environment
	}
	return service + " in " + environment
}

// unused tells that nothing in the release names a setting.
func (w configView) unused(s catalog.Setting) bool { return slices.Contains(w.Check.Unused, s.Key) }

// release is what the keys were looked for in.
func (w configView) release() string {
	if w.Check.Running {
		return "release " + words.Number(w.Check.Release) + ", which runs here"
	}
	return "release " + words.Number(w.Check.Release) + ", the newest"
}

// fits says in a sentence how the keys that are set fit the release.
func (w configView) fits() string {
	switch {
	case w.Check.Release == 0:
		return "Which keys the code asks for is known once there is a release."
	case w.Check.Why != "":
		return "Which keys the code asks for can't be told: " + w.Check.Why + "."
	case w.Check.Asked == 0:
		return "The code and templates of " + w.release() + ", ask for no key by name that can be read from them."
	case len(w.Check.Missing) == 0 && len(w.Check.Unused) == 0 && w.Environment != "":
		return "All that " + w.release() + ", asks for without a default is set, and nothing set is unused."
	}
	return "The code and templates of " + w.release() + ", ask for " + words.Plural(w.Check.Asked, "key") + " by name."
}

// filledFor is a key that a form of values, or of secrets, begins with.
func (w configView) filledFor(secret bool) string {
	if slipway.LooksSecret(w.Key) == secret {
		return w.Key
	}
	return ""
}

// own tells whether a setting was set in the layer that the page edits.
func (w configView) own(s catalog.Setting) bool {
	if w.Environment == "" {
		return s.Layer == slipway.LayerService
	}
	return s.Layer == slipway.LayerBoth
}

func (p *pages) configView(c *shell.Call, v serviceView, environment string) (configView, error) {
	w := configView{Environment: environment, Other: c.Query("with")}
	var err error
	if w.Environments, err = p.Environments(c.Ctx); err != nil {
		return w, err
	}
	if w.Settings, w.Revision, err = p.Config(c.Ctx, v.Name, environment); err != nil {
		return w, err
	}
	if w.Check, err = p.CheckConfig(c.Ctx, v.Name, environment); err != nil {
		return w, err
	}
	if environment != "" {
		live, d, err := p.LiveConfig(c.Ctx, v.Name, environment)
		if err != nil && slipway.CodeOf(err) != slipway.NotFound {
			return w, err
		}
		if w.Live = d; err == nil && d != nil {
			w.Changes = configChanges(live.Env, valuesOf(w.Settings))
		}
	}
	if w.Other != "" {
		other, _, err := p.Config(c.Ctx, v.Name, w.Other)
		if err != nil {
			return w, err
		}
		w.Differences = configChanges(valuesOf(other), valuesOf(w.Settings))
	}
	events, err := p.Events(c.Ctx, report.EventsQuery{Service: v.Name, Page: store.Page{Limit: 200}})
	for _, e := range events.Items {
		if (strings.HasPrefix(e.Kind, "config.") || strings.HasPrefix(e.Kind, "secret.")) && len(w.History) < 12 {
			w.History = append(w.History, e)
		}
	}
	return w, err
}

func (p *pages) showConfig(c *shell.Call) error {
	v, err := p.serviceOf(c, "config")
	if err != nil {
		return err
	}
	environment := c.Query("env")
	if _, asked := c.R.URL.Query()["env"]; !asked {
		environments, err := p.Environments(c.Ctx)
		if err != nil {
			return err
		}
		if len(environments) > 0 {
			environment = environments[0].Name
		}
	}
	if c.Fragment() == "rendered" {
		w := configView{Environment: environment, Rendered: true}
		p.renderFiles(c, v, &w)
		return c.Show(http.StatusOK, renderedCard(v, w))
	}
	w, err := p.configView(c, v, environment)
	if err != nil {
		return err
	}
	w.Key = c.Query("key")
	if c.Query("view") == "rendered" {
		w.Rendered = true
		p.renderFiles(c, v, &w)
	}
	return c.Show(http.StatusOK, configPage(c.Frame("Config of "+v.Name, "overview"), v, w))
}

// renderFiles renders config files as a promotion would now.
func (p *pages) renderFiles(c *shell.Call, v serviceView, w *configView) {
	s, err := p.RenderConfig(c.Ctx, platform.RenderInput{Service: v.Name, Environment: w.Environment})
	if err != nil {
		w.Err = shell.Sentence(err)
		return
	}
	w.Files = s.Files
	live, d, err := p.LiveConfig(c.Ctx, v.Name, w.Environment)
	if err != nil || d == nil {
		return // there is nothing to compare with
	}
	w.Live = d
	for _, change := range platform.CompareConfig(live, s) {
		if change.File {
			w.Apart = append(w.Apart, change)
		}
	}
}

func configAddress(v serviceView, environment string) string {
	return string(words.Path("services", v.Name, "config")) + "?env=" + environment
}

func (p *pages) changeConfig(c *shell.Call) error {
	v, err := p.serviceOf(c, "config")
	if err != nil {
		return err
	}
	environment, key, value := c.Form("env"), c.Form("key"), c.R.PostForm.Get("value")
	change := catalog.ConfigChange{Service: v.Name, Environment: environment}
	said := key + " is set. It goes live with the next promotion."
	if c.Form("do") == "unset" {
		change.Unset = []string{key}
		said = key + " is unset here. It goes live with the next promotion."
	} else {
		change.Set = map[string]string{key: strings.ReplaceAll(value, "\r\n", "\n")}
	}
	if revision := c.Form("revision"); revision != "" {
		change.If = store.Precondition{revision}
	}
	warnings, err := p.ChangeConfig(c.Ctx, change)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		said += " " + warning(w)
	}
	return c.To(configAddress(v, environment), said)
}

func (p *pages) changeSecret(c *shell.Call) error {
	v, err := p.serviceOf(c, "config")
	if err != nil {
		return err
	}
	environment, name := c.Form("env"), c.Form("name")
	said := name + " is sealed. It goes live with the next promotion."
	if c.Form("do") == "remove" {
		erase := c.Form("erase") != ""
		said = name + " is removed here. It goes live with the next promotion."
		if !erase {
			said += " Its history has what it was."
		}
		err = p.RemoveSecret(c.Ctx, v.Name, environment, name, erase)
	} else {
		_, err = p.SetSecret(c.Ctx, catalog.SecretInput{Service: v.Name, Environment: environment, Name: name, Value: c.SecretOf("secret")})
	}
	if err != nil {
		return err
	}
	return c.To(configAddress(v, environment), said)
}

func inEnvironment(name string) string {
	if name == "" {
		return "in all environments"
	}
	return "in " + name
}

func environmentWords(name string) string {
	if name == "" {
		return "all environments"
	}
	return name
}
