package service

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/web/parts"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// serviceLog is the output of a service's instances.
type serviceLog struct {
	Environment  string
	Environments []*ent.Environment
	Process      string
	Processes    []string
	Find         string
	Lines        []parts.LogLine
	Err          string
}

// logTail is how many lines of a service's output a page shows.
const logTail = 500

func (p *pages) showServiceLog(c *shell.Call) error {
	v, err := p.serviceOf(c, "logs")
	if err != nil {
		return err
	}
	l := serviceLog{Environment: c.Query("env"), Process: c.Query("process"), Find: c.Query("find")}
	if l.Environments, err = p.Environments(c.Ctx); err != nil {
		return err
	}
	if l.Environment == "" && len(l.Environments) > 0 {
		l.Environment = l.Environments[0].Name
	}
	status, err := p.Status(c.Ctx, v.Name)
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
	if err := p.ServiceLogs(c.Ctx, query, &out); err != nil {
		if slipway.CodeOf(err) == slipway.Internal {
			return err
		}
		l.Err = shell.Sentence(err)
	}
	want := strings.ToLower(l.Find)
	for i, line := range parts.LinesOf(out.String()) {
		if out.Len() > 0 && (want == "" || strings.Contains(strings.ToLower(parts.Plain(line)), want)) {
			l.Lines = append(l.Lines, parts.LogLine{N: i + 1, Spans: parts.Spans(line)})
		}
	}
	f := c.Frame("Logs of "+v.Name, "overview")
	if l.Find == "" && l.Err == "" && len(l.Processes) > 0 {
		f = f.WithStream(string(words.WithQuery(words.Path("services", v.Name, "logs", "live"), "env", l.Environment, "process", l.Process)), "")
	}
	return c.Show(http.StatusOK, serviceLogPage(f, v, l))
}

// followServiceLog sends the output of a service's instances as it comes, from
// a little back: the page puts it in place of what it showed.
func (p *pages) followServiceLog(c *shell.Call) error {
	query := slipway.LogQuery{Service: c.R.PathValue("service"), Environment: c.Query("env"), Process: c.Query("process"), Lines: logTail, Follow: true}
	if _, err := p.Service(c.Ctx, query.Service); err != nil {
		return err
	}
	if _, err := p.Environment(c.Ctx, query.Environment); err != nil {
		return err
	}
	s, ctx, cancel, err := c.Stream()
	if err != nil {
		return shell.StreamRefused(err)
	}
	defer cancel()
	if s.Send("", "reset", "") != nil {
		return nil
	}
	if err := p.ServiceLogs(ctx, query, &lineSender{ctx: ctx, stream: s}); err != nil && ctx.Err() == nil && slipway.CodeOf(err) == slipway.Internal {
		p.Log.Error("a log stream ended early", "service", query.Service, "request_id", c.RequestID, "error", err)
	}
	return nil
}

// lineSender sends what is written as lines of a log; what is not a whole line
// yet waits for its end.
type lineSender struct {
	ctx    context.Context
	stream *shell.Stream
	rest   []byte
}

func (l *lineSender) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	end := bytes.LastIndexByte(l.rest, '\n')
	if end < 0 && len(l.rest) < parts.MaxLine {
		return len(b), nil
	}
	if end < 0 {
		end = len(l.rest) - 1
	}
	html, err := parts.LogItems(l.ctx, string(l.rest[:end+1]))
	if err != nil {
		return 0, err
	}
	l.rest = append(l.rest[:0], l.rest[end+1:]...)
	return len(b), l.stream.SendLog("", shell.LogNews{HTML: html})
}
