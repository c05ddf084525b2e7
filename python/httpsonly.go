package python

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
		a, ok := m.last("SECURE_SSL_REDIRECT")
		if !ok {
			return
		}
		variable, on := "", false
		for _, t := range a.value {
			on = on || t.is("True") || t.kind == tokenString && (t.text == "True" || t.text == "true" || t.text == "1")
			if t.kind == tokenString && t.plain && identifier(t.text) && variable == "" && len(a.value) > 1 {
				variable = t.text
			}
		}
		remedy := "let it come from a variable, which is False in environments that are reached by http"
		if variable != "" {
			remedy = "give " + variable + " the value False in environments that are reached by http: slipway config set SERVICE --env ENVIRONMENT " + variable + "=False"
		}
		if on {
			d.warn(Problem{Code: "https.redirect", Message: f.settingsFile + " sets SECURE_SSL_REDIRECT" + fate, File: f.settingsFile, Line: a.line, Remedy: remedy})
		}
		return
	}
	for _, file := range d.sources() {
		m := d.module(file)
		if m == nil {
			continue
		}
		for _, st := range m.all {
			for _, c := range calls(st.tokens) {
				name := lastPart(c.callee)
				if name == "add_middleware" || name == "Middleware" {
					if len(c.args) == 0 || len(c.args[0]) == 0 || !c.args[0][len(c.args[0])-1].is("HTTPSRedirectMiddleware") {
						continue
					}
					name = "HTTPSRedirectMiddleware"
				}
				_, stated := keyword(c.args, "force_https")
				if name == "HTTPSRedirectMiddleware" || name == "Talisman" && !stated {
					remedy := "leave it out in environments that are reached by http, by a variable"
					if name == "Talisman" {
						remedy = "give it force_https from a variable, and let that be false in environments that are reached by http"
					}
					d.warn(Problem{Code: "https.redirect", Message: file + " uses " + name + fate, File: file, Line: c.line, Remedy: remedy})
					return
				}
			}
		}
	}
}
