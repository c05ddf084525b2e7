package web

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/catalog"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/store"
)

// settingsView is what can be changed of a service.
type settingsView struct {
	Teams        []*ent.Team // that may own it
	All          []string    // environments, in order
	Err          string
	Overrides    overridesView
	OverridesErr string
	Domains      domainsView
}

func (p *portal) showSettings(c *call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	return p.settingsPage(c, v, http.StatusOK, "")
}

func (p *portal) settingsPage(c *call, v serviceView, status int, problem string) error {
	return p.settingsOf(c, v, status, settingsView{Err: problem, Overrides: overridesView{Overrides: slipway.Overrides(v.Overrides)}})
}

func (p *portal) settingsOf(c *call, v serviceView, status int, w settingsView) error {
	teams, err := p.Teams(c.ctx)
	if err != nil {
		return err
	}
	environments, err := p.Environments(c.ctx)
	if err != nil {
		return err
	}
	for _, e := range environments {
		w.All = append(w.All, e.Name)
	}
	for _, t := range teams {
		if t.ID == v.TeamID || c.viewer.May(slipway.PermitServiceAdd, t.ID, "") == slipway.Allowed {
			w.Teams = append(w.Teams, t)
		}
	}
	if w.Domains, err = p.domains(c, v, w.Domains); err != nil {
		return err
	}
	return c.show(status, settingsPage(c.frame("Settings of "+v.Name, "overview"), v, w))
}

func (p *portal) changeService(c *call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	url, path, branch, team, kind := c.form("url"), strings.Trim(c.form("path"), "/"), c.form("branch"), c.form("team"), slipway.ServiceKind(c.form("kind"))
	change := catalog.ServiceChange{URL: &url, Path: &path, Branch: &branch, Kind: &kind, Token: slipway.NewSecret(c.form("git_token")), If: store.Precondition{c.form("revision")}}
	if c.form("git_open") != "" {
		none := slipway.SecretRef("")
		change.Credential = &none
	}
	own := strings.FieldsFunc(c.form("environments"), func(r rune) bool { return r == ',' || r == ' ' })
	change.Environments = &own
	if team != "" {
		change.Team = &team
	}
	if _, err := p.UpdateService(c.ctx, v.Name, change); err != nil {
		if code := slipway.CodeOf(err); code == slipway.Internal || code == slipway.Denied || code == slipway.NotFound {
			return err
		}
		return p.settingsPage(c, v, statusOf(err), sentence(err))
	}
	return c.to(string(at("services", v.Name, "settings")), "The settings are kept. Promotions under way go on with what they started with.")
}

func (p *portal) removeService(c *call) error {
	v, err := p.serviceOf(c, "settings")
	if err != nil {
		return err
	}
	if c.form("name") != v.Name {
		return p.settingsPage(c, v, http.StatusBadRequest, "Nothing was removed: the name that was typed is not "+v.Name+".")
	}
	if err := p.RemoveService(c.ctx, v.Name, store.Precondition{c.form("revision")}); err != nil {
		if code := slipway.CodeOf(err); code == slipway.Internal || code == slipway.Denied || code == slipway.NotFound {
			return err
		}
		return p.settingsPage(c, v, statusOf(err), sentence(err))
	}
	return c.to("/", v.Name+" is stopped everywhere and removed.")
}

// serviceLog is the output of a service's instances.
type serviceLog struct {
	Environment  string
	Environments []*ent.Environment
	Process      string
	Processes    []string
	Find         string
	Lines        []logLine
	Err          string
}

// logTail is how many lines of a service's output a page shows.
const logTail = 500

func (p *portal) showServiceLog(c *call) error {
	v, err := p.serviceOf(c, "logs")
	if err != nil {
		return err
	}
	l := serviceLog{Environment: c.query("env"), Process: c.query("process"), Find: c.query("find")}
	if l.Environments, err = p.Environments(c.ctx); err != nil {
		return err
	}
	if l.Environment == "" && len(l.Environments) > 0 {
		l.Environment = l.Environments[0].Name
	}
	status, err := p.Status(c.ctx, v.Name)
	if err != nil {
		return err
	}
	for _, cell := range status.Cells {
		if cell.Environment == l.Environment && cell.Deployment != nil {
			for _, process := range cell.Deployment.Edges.Release.Manifest.Processes {
				l.Processes = append(l.Processes, process.Name)
			}
		}
	}
	var out bytes.Buffer
	query := slipway.LogQuery{Service: v.Name, Environment: l.Environment, Process: l.Process, Lines: logTail}
	if err := p.ServiceLogs(c.ctx, query, &out); err != nil {
		if slipway.CodeOf(err) == slipway.Internal {
			return err
		}
		l.Err = sentence(err)
	}
	want := strings.ToLower(l.Find)
	for i, line := range linesOf(out.String()) {
		if out.Len() > 0 && (want == "" || strings.Contains(strings.ToLower(bare(line)), want)) {
			l.Lines = append(l.Lines, logLine{N: i + 1, Spans: spans(line)})
		}
	}
	f := c.frame("Logs of "+v.Name, "overview")
	if l.Find == "" && l.Err == "" && len(l.Processes) > 0 {
		f = f.live(string(with(at("services", v.Name, "logs", "live"), "env", l.Environment, "process", l.Process)), "")
	}
	return c.show(http.StatusOK, serviceLogPage(f, v, l))
}

// followServiceLog sends the output of a service's instances as it comes, from
// a little back: the page puts it in place of what it showed.
func (p *portal) followServiceLog(c *call) error {
	query := slipway.LogQuery{Service: c.r.PathValue("service"), Environment: c.query("env"), Process: c.query("process"), Lines: logTail, Follow: true}
	if _, err := p.Service(c.ctx, query.Service); err != nil {
		return err
	}
	if _, err := p.Environment(c.ctx, query.Environment); err != nil {
		return err
	}
	s, ctx, cancel, err := c.stream()
	if err != nil {
		return refusedStream(err)
	}
	defer cancel()
	if s.send("", "reset", "") != nil {
		return nil
	}
	if err := p.ServiceLogs(ctx, query, &lineSender{ctx: ctx, stream: s}); err != nil && ctx.Err() == nil && slipway.CodeOf(err) == slipway.Internal {
		p.log.Error("a log stream ended early", "service", query.Service, "request_id", c.request, "error", err)
	}
	return nil
}

// lineSender sends what is written as lines of a log; what is not a whole line
// yet waits for its end.
type lineSender struct {
	ctx    context.Context
	stream *stream
	rest   []byte
}

func (l *lineSender) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	end := bytes.LastIndexByte(l.rest, '\n')
	if end < 0 && len(l.rest) < maxLine {
		return len(b), nil
	}
	if end < 0 {
		end = len(l.rest) - 1
	}
	html, err := logItems(l.ctx, string(l.rest[:end+1]))
	if err != nil {
		return 0, err
	}
	l.rest = append(l.rest[:0], l.rest[end+1:]...)
	return len(b), l.stream.sendLog("", news{HTML: html})
}
