package python

import (
	"slices"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
)

// acceptedHosts finds out which host names the application takes: Django's
// ALLOWED_HOSTS, the middleware of Starlette and Litestar, Flask's TRUSTED_HOSTS and
// routes that are bound to hosts. To others it answers 400 or 404, and so it does at
// the edge unless it is found there under one that it takes.
func (d *detection) acceptedHosts() {
	a, where := d.hosts()
	if a == nil {
		return
	}
	a.File = d.tree.Path(where.File)
	a.Line = where.Line
	d.project.Hosts = a
	value := strings.Join(a.Names, ", ")
	if a.Variable != "" {
		value = "$" + a.Variable
	}
	d.find(Finding{What: "hosts", Value: value, File: where.File, Line: where.Line, Rule: "health.allowed_hosts", Confidence: Medium})
	if len(a.Names) > 0 || a.Variable != "" {
		d.edgeHost(*a, where)
	}
}

func (d *detection) hosts() (*slipway.AcceptedHosts, tree.Evidence) {
	if d.project.Framework == "django" {
		return d.djangoHosts()
	}
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, st := range m.All {
			if setting, value, line := hostSetting(st); value != nil {
				if a := d.hostList(m, setting, value); a != nil {
					return a, tree.Evidence{File: f, Line: line}
				}
			}
		}
	}
	return d.boundRoutes()
}

// djangoHosts reads the settings that the project starts with before others.
func (d *detection) djangoHosts() (*slipway.AcceptedHosts, tree.Evidence) {
	files := d.settingsModules()
	if dj := d.django(); dj.settingsFile != "" {
		files = append([]string{dj.settingsFile}, files...)
	}
	for _, f := range files {
		m := d.module(f)
		if m == nil {
			continue
		}
		set, ok := m.Last("ALLOWED_HOSTS")
		if !ok {
			continue
		}
		at := tree.Evidence{File: f, Line: set.Line}
		a := d.hostList(m, "ALLOWED_HOSTS", set.Value)
		if a != nil {
			d.more(m, a)
		}
		if a != nil && len(a.Names) == 0 && a.Variable == "" {
			if debug, ok := m.Last("DEBUG"); ok && len(debug.Value) == 1 && debug.Value[0].Is("False") {
				d.warn(Problem{Code: "django.allowed_hosts", Message: f + " sets ALLOWED_HOSTS = [] and DEBUG = False: every request is refused", File: f, Line: set.Line,
					Remedy: "list the service's host names in ALLOWED_HOSTS"})
				return a, at
			}
			if debug, ok := m.Last("DEBUG"); ok && len(debug.Value) == 1 && debug.Value[0].Is("True") { // then it takes names of this machine
				a.Names = []string{".localhost", "127.0.0.1", "[::1]"}
				if d.holdsOlder("django", 3, 1) {
					a.Names[0] = "localhost"
				}
				return a, at
			}
			return nil, at
		}
		return a, at
	}
	return nil, tree.Evidence{}
}

// hostSetting is the value of a setting of hosts that a statement makes.
func hostSetting(st syntax.Statement) (setting string, value []syntax.Token, line int) {
	toks := st.Tokens
	for i, t := range toks {
		named := t.Kind == syntax.TokenString && t.Text == "TRUSTED_HOSTS" && i+2 < len(toks) && toks[i+1].Is("]") && toks[i+2].Is("=")
		if named {
			return "TRUSTED_HOSTS", toks[i+3:], t.Line
		}
	}
	if len(toks) > 2 && toks[0].Is("TRUSTED_HOSTS") && toks[1].Is("=") {
		return "TRUSTED_HOSTS", toks[2:], toks[0].Line
	}
	for _, c := range syntax.Calls(toks) {
		if v, ok := syntax.Keyword(c.Args, "TRUSTED_HOSTS"); ok {
			return "TRUSTED_HOSTS", v, c.Line
		}
		v, ok := syntax.Keyword(c.Args, "allowed_hosts")
		name := syntax.LastPart(c.Callee)
		if ok && len(c.Args) > 0 && len(c.Args[0]) > 0 && c.Args[0][0].Is("TrustedHostMiddleware") {
			name = "TrustedHostMiddleware"
		}
		if ok && slices.Contains([]string{"TrustedHostMiddleware", "AllowedHostsConfig", "Litestar"}, name) {
			return "allowed_hosts of " + name, v, c.Line
		}
	}
	return "", nil, 0
}

// hostList reads a list of hosts, or finds the variable that it comes from. It is nil
// when neither can be told.
func (d *detection) hostList(m *syntax.Module, setting string, value []syntax.Token) *slipway.AcceptedHosts {
	a := &slipway.AcceptedHosts{Setting: setting}
	if names, literals := literalList(value); literals {
		a.Names = names
		return a
	}
	if fillHosts(a, value) {
		return a
	}
	// A name that stands for it, here or in a module of settings.
	name := hostsName(value)
	if name == "" {
		return nil
	}
	list := []*syntax.Module{m}
	for _, f := range d.sources() {
		if other := d.module(f); other != nil {
			list = append(list, other)
		}
	}
	for _, other := range list {
		set, ok := other.Last(name)
		if !ok {
			continue
		}
		if names, literals := literalList(set.Value); literals {
			a.Names = names
			return a
		}
		if fillHosts(a, set.Value) {
			if form := listForm(value); form != slipway.ListAlone {
				a.Form = form
			}
			return a
		}
	}
	return nil
}

// hostsName is the name in HOSTS, settings.HOSTS and HOSTS.split(",").
func hostsName(value []syntax.Token) string {
	whole, _ := syntax.Dotted(value)
	parts := strings.Split(whole, ".")
	for len(parts) > 1 && slices.Contains([]string{"split", "copy", "strip"}, parts[len(parts)-1]) {
		parts = parts[:len(parts)-1]
	}
	return parts[len(parts)-1]
}

// fillHosts reads what is computed: the variable that it comes from, and the names
// that stand beside it or count while it isn't set.
func fillHosts(a *slipway.AcceptedHosts, value []syntax.Token) bool {
	found := syntax.VariablesOf(value, true)
	if len(found) == 0 {
		return false
	}
	a.Variable, a.Form = found[0].Name, listForm(value)
	a.Names = append(a.Names, listed(value)...)
	for _, c := range syntax.Calls(value) {
		if reads, _ := syntax.ReadsVariable(c.Callee, true); !reads || len(c.Args) == 0 {
			continue
		}
		other, ok := syntax.Keyword(c.Args, "default")
		if !ok && len(c.Args) > 1 && (len(c.Args[1]) < 2 || !c.Args[1][1].Is("=")) {
			other, ok = c.Args[1], true
		}
		if text, plain := syntax.Literal(other); ok && plain {
			a.Names = append(a.Names, strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", ;[]\"'", r) })...)
		} else if names, literals := literalList(other); ok && literals {
			a.Names = append(a.Names, names...)
		}
	}
	return true
}

// listForm is how a variable holds several hosts, by what reads it.
func listForm(value []syntax.Token) slipway.ListForm {
	form := slipway.ListAlone
	for i, t := range value {
		switch {
		case t.Is("loads"), t.Is("json") && i > 0 && value[i-1].Is("."):
			return slipway.ListByJSON
		case t.Is("split") && i+2 < len(value) && value[i+1].Is("("):
			text, _ := syntax.Literal(value[i+2 : i+3])
			if form = slipway.ListByComma; value[i+2].Is(")") || text == " " {
				form = slipway.ListBySpace
			}
		case t.Is("list"), t.Is("Csv"), t.Is("CommaSeparatedStrings"), t.Is("tuple"):
			if form == slipway.ListAlone {
				form = slipway.ListByComma
			}
		}
	}
	return form
}

// listed are the plain strings that are items of a list themselves.
func listed(value []syntax.Token) (names []string) {
	depth := 0
	for i, t := range value {
		switch {
		case t.Kind == syntax.TokenOperator && (t.Is("[") || t.Is("(") || t.Is("{")):
			depth++
		case t.Kind == syntax.TokenOperator && (t.Is("]") || t.Is(")") || t.Is("}")):
			depth--
		case depth == 1 && t.Kind == syntax.TokenString && t.Plain && i > 0 && i+1 < len(value) &&
			(value[i-1].Is("[") || value[i-1].Is(",")) && (value[i+1].Is("]") || value[i+1].Is(",")):
			if i < 2 || value[i-1].Is(",") || value[i-2].Kind == syntax.TokenOperator {
				names = append(names, t.Text)
			}
		}
	}
	return names
}

// more reads what is added to Django's list: ALLOWED_HOSTS += and .append.
func (d *detection) more(m *syntax.Module, a *slipway.AcceptedHosts) {
	for _, st := range m.All {
		if len(st.Tokens) < 3 || !st.Tokens[0].Is("ALLOWED_HOSTS") || !st.Tokens[1].Is("+=") && !st.Tokens[1].Is(".") {
			continue
		}
		added := slipway.AcceptedHosts{}
		rest := st.Tokens[2:]
		if st.Tokens[1].Is(".") && len(rest) > 2 {
			rest = rest[2 : len(rest)-1]
		}
		text, plain := syntax.Literal(rest)
		names, literals := literalList(rest)
		switch {
		case plain:
			a.Names = append(a.Names, text)
		case literals:
			a.Names = append(a.Names, names...)
		case fillHosts(&added, rest):
			a.Names = append(a.Names, added.Names...)
			if a.Variable == "" {
				a.Variable, a.Form = added.Variable, added.Form
			}
		}
	}
}

// boundRoutes are Flask's routes with host_matching: the hosts that they name.
func (d *detection) boundRoutes() (*slipway.AcceptedHosts, tree.Evidence) {
	var a *slipway.AcceptedHosts
	var at tree.Evidence
	var hosts []string
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil {
			continue
		}
		for _, st := range slices.Concat(m.All, m.Decorate) {
			for _, c := range syntax.Calls(st.Tokens) {
				if on, ok := syntax.Keyword(c.Args, "host_matching"); ok && len(on) == 1 && on[0].Is("True") {
					a, at = &slipway.AcceptedHosts{Setting: "host_matching", Routes: true}, tree.Evidence{File: f, Line: c.Line}
				}
				for _, name := range []string{"static_host", "host"} {
					value, _ := syntax.Keyword(c.Args, name)
					if text, ok := syntax.Literal(value); ok && text != "" && (name == "static_host" || slices.Contains([]string{"route", "get", "post", "add_url_rule"}, syntax.LastPart(c.Callee))) {
						if rest, wild := strings.CutPrefix(text, "<"); wild {
							_, rest, _ = strings.Cut(rest, ">")
							text = "*" + rest
						}
						if text, _, _ = strings.Cut(text, ":"); !strings.Contains(text, "<") && !slices.Contains(hosts, text) {
							hosts = append(hosts, text)
						}
					}
				}
			}
		}
	}
	if a == nil || len(hosts) == 0 {
		return nil, tree.Evidence{}
	}
	a.Names = hosts
	return a, at
}

// edgeHost warns of host names without the ones that services have by default, which
// are below .localhost. Users get 400 there, and so do the probes of instances.
func (d *detection) edgeHost(a slipway.AcceptedHosts, at tree.Evidence) {
	for _, h := range a.Names {
		if h == "*" || strings.HasSuffix(h, ".localhost") {
			return
		}
	}
	const service, environment = ServicePlaceholder, EnvironmentPlaceholder
	said := slipway.RefusedHost(service, environment, slipway.DefaultHost(service, environment, ""), &a, nil)
	message, remedy, ok := strings.Cut(said, ": slipway ")
	if ok {
		remedy = "slipway " + remedy
	} else {
		message, remedy, _ = strings.Cut(said, "; add ")
		remedy = "add " + remedy
	}
	message = strings.TrimSuffix(message, "; give it one")
	message += ": what comes under another name is answered with 400, at the health path, too"
	if name := a.LocalName(slipway.DefaultHost(service, environment, ""), nil); name != "" {
		message += ". At an edge for this machine alone it gets the name " + name + " in the first environment by itself, unless another service has that"
	}
	d.warn(Problem{Code: "health.edge_host", Message: message, File: at.File, Line: at.Line, Remedy: remedy})
}

// What stands in remedies for what isn't known yet when a project is looked at.
const (
	ServicePlaceholder     = "<service>"
	EnvironmentPlaceholder = "<environment>"
)
