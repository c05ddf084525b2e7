package python

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/python/shell"
	"github.com/slipway-dev/slipway/python/syntax"
)

// suggestWorkers names background programs that the code seems to need and no
// process starts. They are never started unasked.
func (d *detection) suggestWorkers() {
	stated := ""
	for _, c := range d.project.Processes {
		stated += string(c) + "\n"
	}
	seen := map[string]bool{}
	settled := func(what, word string) bool {
		return seen[what+word] || strings.Contains(stated, word) && (what == "worker" || strings.Contains(stated, "beat") || strings.Contains(stated, "scheduler"))
	}
	dir := d.workDir()
	say := func(what, word, command, file string, line int) {
		if settled(what, word) {
			return
		}
		seen[what+word] = true
		if path.Ext(file) == ".py" || d.django().manage != "" && strings.Contains(command, "manage.py") {
			command = string(within(dir, command))
		}
		d.find(Finding{What: what, Value: command, File: file, Line: line, Rule: what + ".suggestion", Confidence: Low})
	}
	for _, s := range d.suggestions() {
		if s.what == "worker" && len(d.project.Processes) < 2 {
			say("worker", cmp.Or(shell.Split(s.value)...), s.value, s.File, s.Line)
		}
	}
	const manage = "manage.py"
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil {
			continue
		}
		_, name, ok := d.importable(f)
		if dir != "." { // from where the worker runs
			name = strings.TrimPrefix(name, strings.ReplaceAll(dir, "/", ".")+".")
		}
		if !ok || path.Base(f) == "__main__.py" {
			continue
		}
		d.workersOf(m, f, name, say)
	}
	for _, w := range []struct{ name, what, word, command string }{
		{"django-rq", "worker", "rqworker", "python " + manage + " rqworker"}, {"django-q2", "worker", "qcluster", "python " + manage + " qcluster"}, {"django-q", "worker", "qcluster", "python " + manage + " qcluster"},
		{"django-dramatiq", "worker", "rundramatiq", "python " + manage + " rundramatiq"}, {"django-tasks", "worker", "db_worker", "python " + manage + " db_worker"}, {"django-tasks-db", "worker", "db_worker", "python " + manage + " db_worker"},
		{"rq", "worker", "rq", "rq worker"}, {"rq-scheduler", "scheduler", "rqscheduler", "rqscheduler"}, {"huey", "worker", "huey", "huey_consumer MODULE.huey"},
		{"dramatiq", "worker", "dramatiq", "dramatiq MODULE"}, {"arq", "worker", "arq", "arq MODULE.WorkerSettings"}, {"taskiq", "worker", "taskiq", "taskiq worker MODULE:broker"},
		{"saq", "worker", "saq", "saq MODULE.settings"}, {"procrastinate", "worker", "procrastinate", "procrastinate --app=MODULE.app worker"},
	} {
		ev, ok := d.deps.Has(w.name)
		if !ok || settled(w.what, w.word) || w.name == "rq" && seen["workerrqworker"] || w.name == "dramatiq" && seen["workerrundramatiq"] || w.name == "huey" && d.suggested("run_huey") {
			continue
		}
		switch {
		case strings.Contains(w.command, "MODULE"): // which one can't be told: that would not start
			d.warn(Problem{Code: "worker.unnamed", Message: w.name + " is a dependency, and nothing in the code says what its worker would run", File: ev.File, Line: ev.Line,
				Remedy: "if it has one, put \"processes: {worker: " + w.command + "}\" in " + d.configFile() + ", with the module that has its tasks"})
		case strings.Contains(w.command, manage) && !d.tree.Exists(manage):
		default:
			say(w.what, w.word, w.command, ev.File, ev.Line)
		}
	}
}

func (d *detection) suggested(word string) bool {
	for _, f := range d.project.Findings {
		if strings.HasSuffix(f.Rule, ".suggestion") && strings.Contains(f.Value, word) {
			return true
		}
	}
	return false
}

// workersOf looks for what a module makes or decorates.
func (d *detection) workersOf(m *syntax.Module, f, name string, say func(what, word, command, file string, line int)) {
	for _, a := range m.Assigns {
		full := m.Resolve(a.Callee)
		switch {
		case full == "celery.Celery" || full == "celery.app.Celery":
			app := strings.TrimSuffix(name, ".celery")
			say("worker", "celery", "celery -A "+app+" worker", f, a.Line)
			if d.celeryBeat() {
				schedule := ""
				if _, ok := d.deps.Has("django-celery-beat"); ok {
					schedule = " --scheduler django_celery_beat.schedulers:DatabaseScheduler"
				}
				say("scheduler", "celery", "celery -A "+app+" beat"+schedule, f, a.Line)
			}
		case strings.HasPrefix(full, "huey.") && strings.HasSuffix(full, "Huey"):
			say("worker", "huey", "huey_consumer "+name+"."+a.Name, f, a.Line)
		case strings.HasPrefix(full, "taskiq") && strings.HasSuffix(full, "Broker") && !strings.HasSuffix(full, "InMemoryBroker"):
			say("worker", "taskiq", "taskiq worker "+name+":"+a.Name, f, a.Line)
		case full == "taskiq.TaskiqScheduler":
			say("scheduler", "taskiq", "taskiq scheduler "+name+":"+a.Name, f, a.Line)
		case full == "procrastinate.App":
			say("worker", "procrastinate", "procrastinate --app="+name+"."+a.Name+" worker", f, a.Line)
		case strings.HasSuffix(full, "BlockingScheduler") && strings.HasPrefix(full, "apscheduler"):
			say("scheduler", "apscheduler", "python "+below(d.workDir(), f), f, a.Line)
		case slices.Contains(m.Modules, "saq") && a.Callee == "" && a.Name == "settings":
			say("worker", "saq", "saq "+name+".settings", f, a.Line)
		}
	}
	for class, line := range m.Classes {
		if class == "WorkerSettings" && d.declares("arq") {
			say("worker", "arq", "arq "+name+".WorkerSettings", f, line)
		}
	}
	for _, st := range m.Decorate {
		if slices.Contains(m.Modules, "dramatiq") && m.Resolve(nameOf(st.Tokens[1:])) == "dramatiq.actor" && !d.declares("django-dramatiq") {
			say("worker", "dramatiq", "dramatiq "+name, f, st.Line)
		}
	}
	if slices.Contains(m.Modules, "huey.contrib.djhuey") {
		say("worker", "huey", "python manage.py run_huey", f, d.lineOf(f, "djhuey"))
	}
}

// celeryBeat says that some task of Celery is meant to run by the clock.
func (d *detection) celeryBeat() bool {
	if d.declares("django-celery-beat") || d.declares("celery-redbeat") {
		return true
	}
	for _, f := range d.sources() {
		m := d.module(f)
		if m == nil {
			continue
		}
		if slices.Contains(m.Modules, "celery.schedules") {
			return true
		}
		for _, a := range m.Assigns {
			if a.Name == "CELERY_BEAT_SCHEDULE" || a.Name == "beat_schedule" || a.Name == "CELERYBEAT_SCHEDULE" {
				return true
			}
		}
		text, _ := d.tree.Read(f)
		if strings.Contains(text, ".beat_schedule") || strings.Contains(text, "add_periodic_task(") {
			return true
		}
	}
	return false
}
