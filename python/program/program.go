// Package program is what is known of the servers, workers and schedulers that services
// start: a row for each, how a command's row is found, and how it is stopped.
package program

// Kind says what a program is for.
type Kind string

// What programs are for. A development server serves its own developer alone.
const (
	Server      Kind = "server"
	Development Kind = "development" // a server for its developer's machine
	Worker      Kind = "worker"
	Scheduler   Kind = "scheduler" // has no task of its own under way
)

// Fate is what becomes of what a program has under way when it is stopped as
// Slipway stops it.
type Fate string

// What becomes of a request, a task or a stream.
const (
	Finished  Fate = "finished"
	Answered5 Fate = "500"        // the client gets an error
	Cut       Fate = "cut"        // the client gets nothing, or half of an answer
	GivenBack Fate = "given back" // the task is at once another worker's to take
	Lost      Fate = "lost"       // the task is nobody's
	Bounded   Fate = "ended"      // the stream is closed within the grace, and the program ends in order
	Killed    Fate = "killed"     // the stream keeps the program until SIGKILL
	Nothing   Fate = "-"          // none can be under way
)

// Program is a row of what is known of the programs that services start: how each is
// asked to stop, and what comes of that. Every fact of a row with Pins was seen when
// those versions ran on CPython 3.13, and `make test-long` runs them again and fails
// where a row isn't true any more; a row without is by the program's own documentation.
type Program struct {
	Name string // as docs/servers.md has it
	Kind Kind
	Pins []string

	Signal string // asks it to stop; "" for TERM
	// Last is sent when the grace is over, before SIGKILL, to a program that gives
	// back then what it can't finish, or would not end by Signal at all.
	Last  string
	Grace int // in seconds; 0 for that of its kind
	// Env are variables by which the program takes an option; Options those that hold
	// a list of options. {limit} stands for how long what is open may go on: the grace,
	// less what the program takes to end.
	Env, Options map[string]string

	Task    Fate     // a request, or a task
	Stream  Fate     // an answer without an end
	AtExit  bool     // functions registered with atexit are run where the application is
	Exit    int      // exit code, or the signal that it ends by, negative
	Ports   []string // variables that set the port where no option does
	Known   string   // what else is good to know
	Warning string   // of what no signal saves; the remedy says what does
	Remedy  string
	matches func(Invocation) bool
	// warned, where there is one, says of which projects the warning is, by what they
	// hold. Ask by WarnsOf.
	warned func(holdsOlder func(name string, release ...int) bool) bool
}

// WarnsOf says that the warning is of a project; holdsOlder says that what it holds of a
// package is older than a release, and false where nobody says what it holds.
func (p Program) WarnsOf(holdsOlder func(name string, release ...int) bool) bool {
	return p.Warning != "" && (p.warned == nil || p.warned(holdsOlder))
}

// GraceOf is how long a program of a kind has between its stop signal and SIGKILL.
// What a server has to do then is little: it gets no requests any more, and has had
// drainLimit (in node) for those that it had. A worker has had nothing but the signal.
func GraceOf(k Kind) int {
	if k == Worker {
		return 30
	}
	return 10
}

// Reserve is what a program has left of its grace when it closes what is open.
const Reserve = 2

// All are all rows, those that say more of a command first. None matches what is
// not known.
func All() []Program { return append(append([]Program{}, servers...), workers...) }

// Of finds the row of a command.
func Of(i Invocation) (Program, bool) {
	for _, p := range All() {
		if p.matches(i) {
			return p, true
		}
	}
	return Program{}, false
}

const gunicornTested, uvicornTested = "gunicorn==27.0.1", "uvicorn[standard]==0.54.0"

var (
	gunicornLimit = map[string]string{"GUNICORN_CMD_ARGS": "--graceful-timeout {limit}"}
	uvicornLimit  = map[string]string{"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "{limit}"}
)

var servers = []Program{
	{
		Name: "gunicorn, worker uvicorn_worker.UvicornWorker", Kind: Server, Pins: []string{gunicornTested, "uvicorn-worker==0.4.0", uvicornTested},
		Options: gunicornLimit, Task: Finished, Stream: Bounded, Ports: []string{"PORT"},
		Known:   "INT and QUIT don't end it before its graceful timeout",
		matches: func(i Invocation) bool { return i.is("gunicorn") && i.worker("uvicorn") },
	},
	{
		Name: "gunicorn, worker asgi", Kind: Server, Pins: []string{gunicornTested},
		Options: gunicornLimit, Task: Finished, Stream: Bounded, AtExit: true, Ports: []string{"PORT"},
		Known:   "INT and QUIT cut requests",
		matches: func(i Invocation) bool { return i.is("gunicorn") && i.worker("asgi") },
	},
	{
		Name: "gunicorn, worker aiohttp.GunicornWebWorker", Kind: Server, Pins: []string{gunicornTested, "aiohttp==3.14.5"},
		Options: gunicornLimit, Task: Finished, Stream: Bounded, AtExit: true, Ports: []string{"PORT"},
		matches: func(i Invocation) bool { return i.is("gunicorn") && i.worker("aiohttp") },
	},
	{
		Name: "gunicorn, worker gthread", Kind: Server, Pins: []string{gunicornTested},
		Options: gunicornLimit, Task: Finished, Stream: Bounded, AtExit: true, Ports: []string{"PORT"},
		matches: func(i Invocation) bool {
			return i.is("gunicorn") && (i.worker("gthread") || i.Option("--threads") != "" && i.Option("--threads") != "1")
		},
	},
	{
		Name: "gunicorn", Kind: Server, Pins: []string{gunicornTested},
		Options: gunicornLimit, Task: Finished, Stream: Bounded, AtExit: true, Ports: []string{"PORT"},
		Known:   "INT and QUIT answer what is under way with 500; since 27 a control socket, in a directory that each instance has for itself (XDG_RUNTIME_DIR)",
		matches: func(i Invocation) bool { return i.is("gunicorn") },
	},
	{
		Name: "uvicorn --workers 2", Kind: Server, Pins: []string{uvicornTested}, Signal: "INT",
		Env: uvicornLimit, Task: Finished, Stream: Bounded, Ports: []string{"UVICORN_PORT"},
		Known: "its workers end by TERM, which its parent sends them, and so without atexit; an import that fails is tried again without end, which the health check finds out",
		matches: func(i Invocation) bool {
			return i.is("uvicorn") && (i.many("--workers") || i.many("", "WEB_CONCURRENCY"))
		},
	},
	{
		Name: "uvicorn", Kind: Server, Pins: []string{uvicornTested}, Signal: "INT",
		Env: uvicornLimit, Task: Finished, Stream: Bounded, AtExit: true, Ports: []string{"UVICORN_PORT"},
		Known:   "after TERM it ends without atexit, where Sentry and OpenTelemetry send what they have; a second INT cuts requests, and none is sent",
		matches: func(i Invocation) bool { return i.is("uvicorn") },
	},
	{
		Name: "uvicorn.run()", Kind: Server, Pins: []string{uvicornTested}, Signal: "INT",
		Task: Finished, Stream: Killed, AtExit: true,
		Known: "pass timeout_graceful_shutdown=8 to bound open streams",
		matches: func(i Invocation) bool {
			return i.Calls["uvicorn.run"] || i.Calls["uvicorn.Server"] || i.Calls["nicegui.ui.run"]
		},
	},
	{
		Name: "fastapi run", Kind: Server, Pins: []string{"fastapi==0.165.0", "fastapi-cli==0.0.34", uvicornTested}, Signal: "INT",
		Task: Finished, Stream: Killed, AtExit: true, Ports: []string{"PORT"},
		Known:   "has no option that bounds open streams; uvicorn alone does",
		matches: func(i Invocation) bool { return i.is("fastapi") && i.first("run") },
	},
	{
		Name: "litestar run", Kind: Server, Pins: []string{"litestar[standard]==2.25.0", uvicornTested}, Signal: "INT",
		Task: Finished, Stream: Killed, AtExit: true, Ports: []string{"LITESTAR_PORT"},
		Known:   "has no option that bounds open streams; uvicorn alone does",
		matches: func(i Invocation) bool { return i.is("litestar") && i.has("run") },
	},
	{
		Name: "hypercorn --workers 2", Kind: Server, Pins: []string{"hypercorn==0.18.0"},
		Task: Cut, Stream: Cut, AtExit: false,
		Known:   "ends all workers as soon as the first has ended; ends with 0 whatever happened; several of them share a port",
		Warning: "hypercorn with several workers cuts the requests that it has when it is stopped, whatever the signal", Remedy: "take --workers away and put instances: 2 at the process in slipway.yaml",
		matches: func(i Invocation) bool { return i.is("hypercorn") && i.many("--workers", "-w") },
	},
	{
		Name: "hypercorn, WSGI", Kind: Server, Pins: []string{"hypercorn==0.18.0"},
		Task: Finished, Stream: Killed, AtExit: true,
		Known:   "a thread that writes without an end is not stopped by --graceful-timeout",
		matches: func(i Invocation) bool { return i.is("hypercorn") && i.begins("wsgi:") },
	},
	{
		Name: "hypercorn", Kind: Server, Pins: []string{"hypercorn==0.18.0"},
		Task: Finished, Stream: Killed, AtExit: true,
		Known:   "on Python 3.12 and later an open stream keeps it, whatever --graceful-timeout says; before, that and 3 s without it bound all that is under way; ends with 0 whatever happened",
		matches: func(i Invocation) bool { return i.is("hypercorn") },
	},
	{
		Name: "granian", Kind: Server, Pins: []string{"granian==2.8.9"},
		Env: map[string]string{"GRANIAN_WORKERS_KILL_TIMEOUT": "{limit}"}, Task: Finished, Stream: Bounded, AtExit: true, Ports: []string{"GRANIAN_PORT"},
		Known:   "exit handlers run on Python 3.13 and later; two of them share a port without a word: the edge asks the kernel whose it is",
		matches: func(i Invocation) bool { return i.is("granian") },
	},
	{
		Name: "daphne", Kind: Server, Pins: []string{"daphne==4.2.3"},
		Task: Cut, Stream: Cut, AtExit: true,
		Known:   "knows no lifespan",
		Warning: "daphne cuts the requests that it has when it is stopped, whatever the signal", Remedy: "use uvicorn, which serves the same application",
		matches: func(i Invocation) bool { return i.is("daphne") },
	},
	{
		Name: "waitress", Kind: Server, Pins: []string{"waitress==3.0.2"}, Signal: "INT",
		Task: Finished, Stream: Killed, AtExit: true,
		Known:   "cuts everything on TERM",
		matches: func(i Invocation) bool { return i.is("waitress-serve", "waitress") || i.Calls["waitress.serve"] },
	},
	{
		Name: "uwsgi with a master", Kind: Server, Pins: []string{"uWSGI==2.0.31"},
		Env: map[string]string{"UWSGI_HOOK_MASTER_START": drainingHook}, Task: Finished, Stream: Killed, AtExit: true,
		Known:   "TERM would reload it, or end it at once with die-on-term: the hook that it is told goes before both",
		matches: func(i Invocation) bool { return i.is("uwsgi") && i.uwsgi("master", "M") },
	},
	{
		Name: "uwsgi without a master", Kind: Server, Pins: []string{"uWSGI==2.0.31"}, Signal: "INT",
		Task: Cut, Stream: Cut, Exit: 30,
		Warning: "uwsgi without a master cuts the requests that it has when it is stopped, whatever the signal", Remedy: "add --master, or master = true to its configuration",
		matches: func(i Invocation) bool { return i.is("uwsgi") },
	},
	{
		Name: "cheroot", Kind: Server, Pins: []string{"cheroot==11.1.2"}, Signal: "INT",
		Task: Finished, Stream: Killed, AtExit: true, Exit: -2,
		Known: "cuts everything on TERM",
		matches: func(i Invocation) bool {
			return i.is("cheroot") || i.calling("cheroot.") || i.Calls["cherrypy.quickstart"] || i.Calls["cherrypy.engine.block"]
		},
	},
	{
		Name: "bjoern", Kind: Server, Pins: []string{"bjoern==3.2.2"}, Signal: "INT",
		Task: Finished, Stream: Killed, AtExit: true, Exit: -2,
		Known:   "cuts everything on TERM",
		matches: func(i Invocation) bool { return i.Calls["bjoern.run"] || i.Calls["bjoern.listen"] },
	},
	{
		Name: "aiohttp", Kind: Server, Pins: []string{"aiohttp==3.14.5"},
		Task: Finished, Stream: Killed, AtExit: true,
		Known:   "web.run_app waits 60 s for open streams: pass shutdown_timeout=8; a second TERM cuts requests, and none is sent",
		matches: func(i Invocation) bool { return i.is("aiohttp.web") || i.Calls["aiohttp.web.run_app"] },
	},
	{
		Name: "sanic", Kind: Server, Pins: []string{"sanic==25.12.1"},
		Env: map[string]string{"SANIC_GRACEFUL_SHUTDOWN_TIMEOUT": "{limit}"}, Task: Finished, Stream: Bounded, AtExit: true,
		Known:   "is deaf to signals in its first half second; on a second TERM, and when a worker can't start, it kills its whole process group: none is sent, and each instance has a session of its own",
		matches: func(i Invocation) bool { return i.is("sanic") && !i.has("--dev", "--debug") },
	},
	{
		Name: "tornado", Kind: Server, Pins: []string{"tornado==6.6.1"}, Signal: "INT",
		Task: Answered5, Stream: Cut, AtExit: true, Exit: -2,
		Warning: "tornado ends at once when it is stopped, with what it has under way, unless the application handles the signal", Remedy: "handle SIGINT: stop the HTTPServer, await its close_all_connections(), then end the loop",
		matches: func(i Invocation) bool {
			return i.calling("tornado.ioloop.") || i.calling("tornado.web.") || i.calling("tornado.httpserver.")
		},
	},
	{
		Name: "streamlit", Kind: Server, Pins: []string{"streamlit==1.67.0"},
		Task: Nothing, Stream: Nothing, AtExit: true, Ports: []string{"STREAMLIT_SERVER_PORT"},
		matches: func(i Invocation) bool { return i.is("streamlit") },
	},
	{
		Name: "robyn", Kind: Server, Pins: []string{"robyn==0.88.0"}, Last: "INT",
		Task: Finished, Stream: Killed, Ports: []string{"ROBYN_PORT"},
		Known:   "after TERM it answers what it has and never ends: INT ends it shortly before its grace is over",
		matches: func(i Invocation) bool { return i.is("robyn") || i.Calls["robyn.Robyn"] },
	},
	{
		Name: "flask run", Kind: Development, Pins: []string{"flask==3.1.3"}, Signal: "INT",
		Task: Cut, Stream: Cut, AtExit: true, Ports: []string{"FLASK_RUN_PORT"},
		matches: func(i Invocation) bool { return i.is("flask") && i.has("run") || i.Calls["flask.Flask.run"] },
	},
	{
		Name: "manage.py runserver", Kind: Development, Pins: []string{"django==5.2.19"}, Signal: "INT",
		Task: Cut, Stream: Cut, AtExit: true,
		matches: func(i Invocation) bool { return i.django("runserver", "runserver_plus") },
	},
	{
		Name: "http.server", Kind: Development, Signal: "INT",
		Task: Cut, Stream: Cut, AtExit: true,
		matches: func(i Invocation) bool { return i.is("http.server") },
	},
	{
		Name: "Apache, mod_wsgi-express", Kind: Server, Signal: "WINCH",
		Task: Finished, Stream: Killed, AtExit: true,
		Known:   "by its documentation",
		matches: func(i Invocation) bool { return i.is("apachectl", "httpd", "apache2", "mod_wsgi-express") },
	},
}

// drainingHook makes uWSGI's master end its workers in order when it gets TERM.
const drainingHook = "unix_signal:15 gracefully_kill_them_all"
