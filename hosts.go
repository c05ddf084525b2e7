package slipway

import (
	"fmt"
	"slices"
	"strings"
)

// AcceptedHosts is what a release says of the host names that it takes. To requests
// for others it answers 400, or 404 where its routes are bound to hosts.
type AcceptedHosts struct {
	Setting string   `json:"setting"` // as its framework calls it: ALLOWED_HOSTS
	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"`
	Names   []string `json:"names,omitempty"` // that stand there; .example.com and *.example.com are what lies below
	// Variable is the environment variable that the names come from, Form how it holds
	// several of them.
	Variable string   `json:"variable,omitempty"`
	Form     ListForm `json:"form,omitempty"`
	Routes   bool     `json:"routes,omitempty"` // it answers 404 to others
}

// ListForm is how a variable holds a list.
type ListForm string

const (
	ListByComma ListForm = ""      // a,b
	ListBySpace ListForm = "space" // a b
	ListAlone   ListForm = "alone" // a: it is one name
	ListByJSON  ListForm = "json"  // ["a","b"]
)

// Takes tells whether names that stand in the code let a host in.
func (a AcceptedHosts) Takes(host string) bool {
	host = strings.ToLower(host)
	for _, name := range a.Names {
		name = strings.ToLower(name)
		below, wild := strings.CutPrefix(name, "*.")
		dot, dotted := strings.CutPrefix(name, ".")
		switch {
		case name == "*", name == host:
			return true
		case wild && strings.HasSuffix(host, "."+below):
			return true
		case dotted && Below(host, dot):
			return true
		}
	}
	return false
}

// Lets tells whether a host is let in as far as code and config say.
func (a AcceptedHosts) Lets(host string, config map[string]ConfigValue) bool {
	value, set := config[a.Variable]
	if a.Variable == "" || !set {
		return a.Takes(host)
	}
	names := strings.FieldsFunc(value.Value, func(r rune) bool { return strings.ContainsRune(", ;[]\"' \t", r) })
	return AcceptedHosts{Names: names}.Takes(host)
}

// Refuses tells whether a status is how an application answers to a host that it
// doesn't take, as far as code and config say; nil knows of no code.
func (a *AcceptedHosts) Refuses(status int, host string, config map[string]ConfigValue) bool {
	switch {
	case a == nil:
		return status == 400
	case status == 400, status == 404 && a.Routes:
		return !a.Lets(host, config)
	}
	return false
}

// where the setting stands, for a sentence.
func (a AcceptedHosts) where() string {
	switch {
	case a.File == "":
		return a.Setting
	case a.Line > 0:
		return fmt.Sprintf("%s in %s, line %d", a.Setting, a.File, a.Line)
	}
	return a.Setting + " in " + a.File
}

// LocalName is a name of this machine itself that an application takes: "" where there is
// none, and where it takes host.
func (a *AcceptedHosts) LocalName(host string, config map[string]ConfigValue) string {
	if a == nil || a.Lets(host, config) {
		return ""
	}
	for _, name := range []string{LocalDomain, localAddress} {
		if a.Lets(name, config) {
			return name
		}
	}
	return ""
}

// othersDomains are platforms under whose domains applications have stood: what lies
// below leads to somebody else.
var othersDomains = []string{
	"herokuapp.com", "pythonanywhere.com", "railway.app", "up.railway.app", "onrender.com", "fly.dev", "vercel.app", "now.sh", "azurewebsites.net", "appspot.com", "run.app",
	"elasticbeanstalk.com", "amazonaws.com", "ondigitalocean.app", "ngrok.io", "ngrok.app", "ngrok-free.app", "koyeb.app", "deta.dev", "repl.co", "glitch.me", "gitpod.io", "github.dev",
}

// suggested is a name that a service could be given, of those that stand in the code:
// "" when there is none.
func (a AcceptedHosts) suggested(service, environment string) string {
	local := ""
	for _, pattern := range a.Names {
		whole := strings.ToLower(pattern)
		rest := strings.TrimPrefix(whole, "*")
		below := strings.HasPrefix(rest, ".")
		if below {
			rest = "x" + rest // for the check: service and environment may not be known yet
		}
		switch {
		case rest == LocalDomain || rest == localAddress:
			if local == "" || rest == LocalDomain {
				local = rest
			}
		case CheckDomain("name", rest) != nil || Below(rest, LocalDomain):
		case slices.ContainsFunc(othersDomains, func(other string) bool { return Below(rest, other) }):
		case below:
			return service + "-" + environment + rest[1:]
		default:
			return rest
		}
	}
	return local // the last resort: on this machine alone, and for one service alone
}

// setting adds a host to what a variable holds.
func (a AcceptedHosts) setting(now, host string) string {
	now = strings.TrimSpace(now)
	switch {
	case a.Form == ListByJSON && len(now) > 2 && strings.HasSuffix(now, "]"):
		return now[:len(now)-1] + `,"` + host + `"]`
	case a.Form == ListByJSON:
		return `["` + host + `"]`
	case now == "", a.Form == ListAlone:
		return host
	case a.Form == ListBySpace:
		return now + " " + host
	}
	return strings.TrimRight(now, ",") + "," + host
}

// RefusedHost says why an application doesn't answer to a host, and the one thing
// that lets it: what the application's code takes it by, nil when that isn't known;
// config is what it is given.
func RefusedHost(service, environment, host string, a *AcceptedHosts, config map[string]ConfigValue) string {
	if a == nil {
		return fmt.Sprintf("it may take other host names only than %s: give it one that it takes: slipway domain add %s NAME --env %s (or let it take .localhost; Django: ALLOWED_HOSTS)", host, service, environment)
	}
	if a.Variable != "" {
		value := config[a.Variable]
		to := "slipway config set " + service + " --env " + environment + " " + shellWord(a.Variable+"="+a.setting(value.Value, host))
		if value.Secret != "" {
			to = fmt.Sprintf("slipway secret set %s %s --env %s, with a value that has %s, too", service, a.Variable, environment, host)
		}
		return fmt.Sprintf("it takes the host names of the variable %s only (%s), and %s isn't one of them: %s", a.Variable, a.where(), host, to)
	}
	takes := strings.Join(a.Names[:min(len(a.Names), 3)], ", ")
	if len(a.Names) > 3 {
		takes += ", ..."
	}
	if takes == "" {
		takes = "none"
	}
	said := fmt.Sprintf("it takes these host names only: %s (%s), and not %s", takes, a.where(), host)
	if name := a.suggested(service, environment); name != "" {
		return fmt.Sprintf("%s; give it one: slipway domain add %s %s --env %s", said, service, name, environment)
	}
	return fmt.Sprintf("%s; add %q there", said, a.pattern(host))
}

// pattern is what the setting would have to hold for a host.
func (a AcceptedHosts) pattern(host string) string {
	switch {
	case !Below(host, LocalDomain) || a.Routes:
		return host
	case strings.HasPrefix(a.Setting, "allowed_hosts"):
		return "*." + LocalDomain
	}
	return "." + LocalDomain
}

// shellWord quotes a word that a shell would read otherwise.
func shellWord(s string) string {
	if strings.ContainsAny(s, " \t\"$`\\[]*?;&|<>(){}#!~'") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
