package program

const (
	celeryTested = "celery[redis]==5.7.0"
	redisTested  = "redis==8.1.0"
)

var workers = []Program{
	{
		Name: "celery beat", Kind: Scheduler, Pins: []string{celeryTested},
		Task:    Nothing,
		matches: func(i Invocation) bool { return i.is("celery") && i.has("beat") },
	},
	{
		Name: "celery flower", Kind: Scheduler, Pins: []string{celeryTested, "flower==2.2.0"},
		Task:    Nothing,
		matches: func(i Invocation) bool { return i.is("flower") || i.is("celery") && i.has("flower") },
	},
	{
		Name: "celery worker, pool threads", Kind: Worker, Pins: []string{celeryTested},
		Task:    Finished,
		Known:   "has no cold stop: QUIT waits for its tasks as well",
		matches: func(i Invocation) bool { return i.celeryWorker() && i.pool("threads") },
	},
	{
		Name: "celery worker, pool gevent", Kind: Worker, Pins: []string{celeryTested, "gevent==26.9.0"},
		Task:    Finished,
		matches: func(i Invocation) bool { return i.celeryWorker() && i.pool("gevent", "eventlet") },
	},
	{
		Name: "celery worker, pool solo", Kind: Worker, Pins: []string{celeryTested}, Last: "QUIT",
		Task:    Finished,
		matches: func(i Invocation) bool { return i.celeryWorker() && i.pool("solo") },
	},
	{
		Name: "celery worker", Kind: Worker, Pins: []string{celeryTested}, Last: "QUIT",
		Task:    Finished,
		Known:   "a task that needs more than the grace is given back by QUIT if it is acked late (task_acks_late), else it is lost",
		matches: func(i Invocation) bool { return i.celeryWorker() },
	},
	{
		Name: "rq worker", Kind: Worker, Pins: []string{"rq==3.0.0", redisTested},
		Task:  Finished,
		Known: "a second TERM kills its job, and none is sent",
		matches: func(i Invocation) bool {
			return i.is("rq") && i.has("worker", "worker-pool") || i.django("rqworker", "rqworker-pool")
		},
	},
	{
		Name: "huey", Kind: Worker, Pins: []string{"huey==3.5.4", redisTested}, Signal: "INT",
		Task:    Finished,
		Known:   "TERM drops what is under way",
		matches: func(i Invocation) bool { return i.is("huey_consumer") || i.django("run_huey") },
	},
	{
		Name: "dramatiq", Kind: Worker, Pins: []string{"dramatiq[redis]==2.2.1"},
		Task:    Finished,
		Known:   "a second TERM drops what is under way, and none is sent",
		matches: func(i Invocation) bool { return i.is("dramatiq") || i.django("rundramatiq") },
	},
	{
		Name: "arq", Kind: Worker, Pins: []string{"arq==0.28.0"}, Grace: 10,
		Task:    GivenBack,
		Known:   "job_completion_wait makes it finish its jobs: set grace_seconds above it",
		matches: func(i Invocation) bool { return i.is("arq") },
	},
	{
		Name: "taskiq worker, RedisStreamBroker", Kind: Worker, Pins: []string{"taskiq==0.13.0", "taskiq-redis==1.2.4"},
		Task:    Finished,
		Warning: "taskiq 0.12.5 and 0.12.6 with a RedisStreamBroker never end by any signal: each stop takes the whole grace and ends with SIGKILL", Remedy: "use taskiq 0.13 or a ListQueueBroker, or a shorter grace_seconds",
		warned: func(older func(string, ...int) bool) bool {
			return older("taskiq", 0, 13) && !older("taskiq", 0, 12, 5)
		},
		matches: func(i Invocation) bool { return i.is("taskiq") && i.has("worker") && i.made("RedisStreamBroker") },
	},
	{
		Name: "taskiq worker", Kind: Worker, Pins: []string{"taskiq==0.13.0", "taskiq-redis==1.2.4"},
		Task:    Finished,
		matches: func(i Invocation) bool { return i.is("taskiq") && i.has("worker") },
	},
	{
		Name: "taskiq scheduler", Kind: Scheduler, Pins: []string{"taskiq==0.13.0", "taskiq-redis==1.2.4"},
		Signal: "INT", Task: Nothing,
		Known:   "TERM ends it at once, and its sources are not shut down",
		matches: func(i Invocation) bool { return i.is("taskiq") && i.has("scheduler") },
	},
	{
		Name: "saq", Kind: Worker, Pins: []string{"saq[redis]==0.26.4", "typing_extensions==4.16.0"}, Grace: 10,
		Task:    GivenBack,
		Known:   "shutdown_grace_period_s makes it finish its jobs, and take all of that time at each stop: set grace_seconds above it",
		matches: func(i Invocation) bool { return i.is("saq") },
	},
	{
		Name: "procrastinate", Kind: Worker, Pins: []string{"procrastinate==3.10.0", "psycopg[binary,pool]==3.3.9"},
		Task:    Finished,
		Known:   "after a second TERM, or SIGKILL, a job stays \"doing\"; none is sent",
		matches: func(i Invocation) bool { return i.is("procrastinate") && i.has("worker") || i.django("procrastinate") },
	},
	{
		Name: "APScheduler, BlockingScheduler", Kind: Worker, Pins: []string{"apscheduler==3.11.3"}, Signal: "INT",
		Task: Finished, Exit: -2,
		Known:   "TERM drops what is under way",
		matches: func(i Invocation) bool { return i.made("BlockingScheduler") },
	},
	{
		Name: "django-q2, qcluster", Kind: Worker, Pins: []string{"django-q2==1.11.1", "django==5.2.19"},
		Task:    Finished,
		matches: func(i Invocation) bool { return i.django("qcluster") },
	},
	{
		Name: "django-tasks-db, db_worker", Kind: Worker, Pins: []string{"django-tasks==0.12.0", "django-tasks-db==0.13.0", "django==5.2.19"},
		Task:    Finished,
		Known:   "a second TERM fails what is under way, and none is sent",
		matches: func(i Invocation) bool { return i.django("db_worker") },
	},
}
