package python

import (
	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
)

// warnHTTPS tells of an application that answers everything with a redirect to
// https, where the edge speaks http. Whether it does, the verification finds out;
// here it is said which line does it, and which variable.
func (d *detection) warnHTTPS() {
	if d.project.Processes["web"] == "" {
		return
	}
	const fate = ": every answer is a redirect to https then, which the edge does not serve, and the verification fails"
	if f := d.django(); f.settingsFile != "" {
		m := d.module(f.settingsFile)
		if m == nil {
			return
		}
		a, ok := m.Last("SECURE_SSL_REDIRECT")
		if !ok {
			return
		}
		variable, on := "", false
		for _, t := range a.Value {
			on = on || t.Is("True") || t.Kind == syntax.TokenString && (t.Text == "True" || t.Text == "true" || t.Text == "1")
			if t.Kind == syntax.TokenString && t.Plain && shell.Identifier(t.Text) && variable == "" && len(a.Value) > 1 {
				variable = t.Text
			}
		}
		remedy := "let it come from a variable, which is False in environments that are reached by http"
		if variable != "" {
			remedy = "give " + variable + " the value False in environments that are reached by http: slipway config set SERVICE --env ENVIRONMENT " + variable + "=False"
		}
		if on {
			d.warn(Problem{Code: "https.redirect", Message: f.settingsFile + " sets SECURE_SSL_REDIRECT" + fate, File: f.settingsFile, Line: a.Line, Remedy: remedy})
		}
		return
	}
	for _, file := range d.sources() {
		m := d.module(file)
		if m == nil {
			continue
		}
		for _, st := range m.All {
			for _, c := range syntax.Calls(st.Tokens) {
				name := syntax.LastPart(c.Callee)
				if name == "add_middleware" || name == "Middleware" {
					if len(c.Args) == 0 || len(c.Args[0]) == 0 || !c.Args[0][len(c.Args[0])-1].Is("HTTPSRedirectMiddleware") {
						continue
					}
					name = "HTTPSRedirectMiddleware"
				}
				_, stated := syntax.Keyword(c.Args, "force_https")
				if name == "HTTPSRedirectMiddleware" || name == "Talisman" && !stated {
					remedy := "leave it out in environments that are reached by http, by a variable"
					if name == "Talisman" {
						remedy = "give it force_https from a variable, and let that be false in environments that are reached by http"
					}
					d.warn(Problem{Code: "https.redirect", Message: file + " uses " + name + fate, File: file, Line: c.Line, Remedy: remedy})
					return
				}
			}
		}
	}
}
