package python

import (
	"path"
	"strings"
)

// healthRoutes are paths by which services tell that they are alive, the ones
// that speak of liveness first.
var healthRoutes = []string{
	"/livez", "/healthz", "/health", "/healthcheck", "/health-check", "/health_check", "/_health", "/_healthz", "/__lbheartbeat__", "/alive", "/ping", "/status",
	"/api/healthz", "/api/health", "/api/healthcheck", "/api/ping", "/api/status", "/__heartbeat__", "/heartbeat", "/readyz", "/ready",
}

// healthRank is a route's place in that list, -1 when it is none of them.
func healthRank(route string) int {
	trimmed := strings.TrimSuffix(route, "/")
	for i, r := range healthRoutes {
		if trimmed == r {
			return i
		}
	}
	parts := strings.Split(trimmed, "/")
	if len(parts) > 2 && parts[1] == "api" {
		for i, r := range healthRoutes {
			if "/"+parts[len(parts)-1] == r {
				return len(healthRoutes) + i
			}
		}
	}
	return -1
}

// detectHealth settles how to tell that an instance serves.
func (d *detection) detectHealth() {
	h := &d.project.Health
	if _, serves := d.project.Processes["web"]; !serves {
		return
	}
	defer d.acceptedHosts()
	if d.config != nil && d.config.Health != nil {
		h.Statuses, h.Host = d.config.Health.Statuses, d.config.Health.Host
		if h.Path = d.config.Health.Path; h.Path != "" {
			at := d.stated("health", "path")
			d.find(Finding{What: "health", Value: h.Path, File: at.File, Line: at.Line, Rule: "health." + at.rule})
			return
		}
	}
	routes := d.routes()
	best, rank := route{}, -1
	var rivals []string
	for _, r := range routes {
		if n := healthRank(r.path); n >= 0 {
			if rank < 0 || n < rank {
				if rank >= 0 {
					rivals = append(rivals, best.String())
				}
				best, rank = r, n
			} else {
				rivals = append(rivals, r.String())
			}
		}
	}
	for _, s := range d.suggestions() {
		if s.what == "health" && strings.HasPrefix(s.value, "/") {
			if rank >= 0 {
				rivals = append(rivals, best.String())
			}
			h.Path = s.value
			d.find(Finding{What: "health", Value: s.value, File: s.File, Line: s.Line, Rule: "health.stated", Confidence: Medium, Rivals: rivals})
			return
		}
	}
	if rank >= 0 {
		h.Path = best.path
		d.find(Finding{What: "health", Value: best.path, File: best.file, Line: best.line, Rule: "health.route", Confidence: Medium, Rivals: rivals})
		return
	}
	if value, at, ok := d.frameworkHealth(routes); ok {
		h.Path = value
		d.find(Finding{What: "health", Value: value, File: at.File, Line: at.Line, Rule: "health." + d.project.Framework, Confidence: Medium})
		return
	}
	for _, r := range routes {
		if r.path == "/" {
			h.Path, h.Statuses = "/", []int{401, 403}
			d.find(Finding{What: "health", Value: "/", File: r.file, Line: r.line, Rule: "health.root", Confidence: Medium})
			return
		}
	}
	d.find(Finding{What: "health", Value: "tcp", File: d.evidenceOf("web").File, Line: d.evidenceOf("web").Line, Rule: "health.tcp", Confidence: Medium})
	d.warn(Problem{Code: "health.none", Message: "no health route was found: an instance counts as healthy once it answers GET /, whatever it says", File: d.configFile(),
		Remedy: "serve /healthz, or put \"health: {path: /...}\" in " + d.configFile()})
}

// olderStreamlit tells of one before 1.18, whose path of health had another name.
func (d *detection) olderStreamlit() bool {
	if d.holdsOlder("streamlit", 1, 18) {
		return true
	}
	dep, _ := d.deps.get("streamlit")
	_, pinned := dep.pinned()
	day := d.project.PackagesAsOf
	return day != "" && day < "2023-02-09" && !pinned && len(lockedVersions(d.locked)["streamlit"]) == 0
}

// frameworkHealth is a path that the framework serves by itself.
func (d *detection) frameworkHealth(routes []route) (string, Evidence, bool) {
	web := d.evidenceOf("web")
	switch d.project.Framework {
	case "streamlit":
		if d.olderStreamlit() {
			return "/healthz", web, true
		}
		return "/_stcore/health", web, true
	case "gradio", "dash":
		return "/", web, true
	case "fastapi":
		for _, f := range d.sources() {
			m := d.module(f)
			if m == nil {
				continue
			}
			for _, st := range m.all {
				if len(st.tokens) > 1 && st.tokens[1].is("=") && d.mountedElsewhere(m, st.tokens[0].text) {
					continue
				}
				for _, c := range calls(st.tokens) {
					if makers[m.resolve(c.callee)].framework != "fastapi" || !strings.HasSuffix(c.callee, "FastAPI") {
						continue
					}
					value, stated := keyword(c.args, "openapi_url")
					root, _ := keyword(c.args, "root_path")
					if !stated && root == nil {
						return "/openapi.json", Evidence{File: f, Line: c.line}, true
					}
					if s, ok := literal(value); ok && strings.HasPrefix(s, "/") {
						return s, Evidence{File: f, Line: c.line}, true
					}
					return "", Evidence{}, false
				}
			}
		}
	case "django":
		for _, r := range routes {
			if r.admin {
				return strings.TrimSuffix(r.path, "/") + "/login/", Evidence{File: r.file, Line: r.line}, true
			}
		}
	}
	return "", Evidence{}, false
}

// literalList reads ["a", "b"]; literals is false when anything is computed.
func literalList(toks []token) (list []string, literals bool) {
	if len(toks) < 2 || !toks[0].is("[") && !toks[0].is("(") {
		return nil, false
	}
	for i, t := range toks {
		switch {
		case t.kind == tokenString && t.plain:
			list = append(list, t.text)
		case t.kind == tokenOperator && (t.is(",") || i == 0 || i == len(toks)-1):
		default:
			return nil, false
		}
	}
	return list, true
}

// joinRoute puts a prefix before a route.
func joinRoute(prefix, route string) string {
	if prefix == "" || prefix == "/" {
		if !strings.HasPrefix(route, "/") {
			return "/" + route
		}
		return route
	}
	joined := "/" + strings.Trim(prefix, "/") + "/" + strings.TrimPrefix(route, "/")
	if route == "" {
		return path.Clean(joined)
	}
	return joined
}
