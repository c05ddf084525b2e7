package python

import (
	"path"
	"strings"

	"github.com/slipway-dev/slipway/python/lock"
	"github.com/slipway-dev/slipway/python/syntax"
	"github.com/slipway-dev/slipway/python/tree"
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
	dep, _ := d.deps.Get("streamlit")
	_, pinned := dep.Pinned()
	day := d.project.PackagesAsOf
	return day != "" && day < "2023-02-09" && !pinned && len(lock.Versions(d.locked)["streamlit"]) == 0
}

// frameworkHealth is a path that the framework serves by itself.
func (d *detection) frameworkHealth(routes []route) (string, tree.Evidence, bool) {
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
			for _, st := range m.All {
				if len(st.Tokens) > 1 && st.Tokens[1].Is("=") && d.mountedElsewhere(m, st.Tokens[0].Text) {
					continue
				}
				for _, c := range syntax.Calls(st.Tokens) {
					if makers[m.Resolve(c.Callee)].framework != "fastapi" || !strings.HasSuffix(c.Callee, "FastAPI") {
						continue
					}
					value, stated := syntax.Keyword(c.Args, "openapi_url")
					root, _ := syntax.Keyword(c.Args, "root_path")
					if !stated && root == nil {
						return "/openapi.json", tree.Evidence{File: f, Line: c.Line}, true
					}
					if s, ok := syntax.Literal(value); ok && strings.HasPrefix(s, "/") {
						return s, tree.Evidence{File: f, Line: c.Line}, true
					}
					return "", tree.Evidence{}, false
				}
			}
		}
	case "django":
		for _, r := range routes {
			if r.admin {
				return strings.TrimSuffix(r.path, "/") + "/login/", tree.Evidence{File: r.file, Line: r.line}, true
			}
		}
	}
	return "", tree.Evidence{}, false
}

// literalList reads ["a", "b"]; literals is false when anything is computed.
func literalList(toks []syntax.Token) (list []string, literals bool) {
	if len(toks) < 2 || !toks[0].Is("[") && !toks[0].Is("(") {
		return nil, false
	}
	for i, t := range toks {
		switch {
		case t.Kind == syntax.TokenString && t.Plain:
			list = append(list, t.Text)
		case t.Kind == syntax.TokenOperator && (t.Is(",") || i == 0 || i == len(toks)-1):
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
