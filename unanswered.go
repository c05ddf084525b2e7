package slipway

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// A refusal is a way in which a driver says that nobody answers at an address.
type refusal struct {
	pattern *regexp.Regexp // its groups are the host and the port, where it says one
	server  string         // what the driver is of, where it is of one alone
}

// refusals are in the words of the drivers' releases of the last years, newest and old.
var refusals = []refusal{
	{regexp.MustCompile(`\bError -?\d+ connecting to ([\w.:-]+):(\d+)\.`), "Redis"},                                                // redis-py, aioredis
	{regexp.MustCompile(`server at "([^"\n]+)"(?: \([^)\n]*\))?, port (\d+) failed: Connection refused`), "PostgreSQL"},            // libpq
	{regexp.MustCompile(`Connection refused\s+Is the server running on host "([^"\n ]+)"[^\n]*\s+[^\n]*port (\d+)`), "PostgreSQL"}, // libpq before 14
	{regexp.MustCompile(`could not translate host name "([^"\n]+)" to address`), "PostgreSQL"},
	{regexp.MustCompile(`failed to resolve host '([^'\n]+)'`), "PostgreSQL"},                     // psycopg 3.3
	{regexp.MustCompile(`Can't create a connection to host (\S+) and port (\d+)`), "PostgreSQL"}, // pg8000
	{regexp.MustCompile(`Can't connect to (?:MySQL )?server on '([\w.-]+)(?::(\d+))?'`), "MySQL"},
	{regexp.MustCompile(`ServerSelectionTimeoutError: ([\w.-]+):(\d+):`), "MongoDB"},
	{regexp.MustCompile(`Node <\w*HttpNode\(https?://([\w.-]+):(\d+)`), "Elasticsearch"},
	{regexp.MustCompile(`Connect call failed \('([^'\n]+)', (\d+)`), ""}, // asyncio
	{regexp.MustCompile(`([\w.-]+):(\d+): \[Errno -?\d+\] (?:Connection refused|Name or service|Temporary failure)`), ""},
	{regexp.MustCompile(`host='([\w.-]+)', port=(\d+)\)[^\n]*(?:Connection refused|Name or service|Temporary failure|Failed to resolve)`), ""},   // urllib3
	{regexp.MustCompile(`Cannot connect to host ([\w.-]+):(\d+) ssl:`), ""},                                                                      // aiohttp
	{regexp.MustCompile(`Cannot connect to \w+://(?:[^\s/@]*@)?([\w.-]+):(\d+)//?[^\n]*(?:Connection refused|Name or service|Errno -?\d+)`), ""}, // Celery
	{regexp.MustCompile(`NoHostAvailable: [^\n]*'([\w.-]+):(\d+)': `), "Cassandra"},
	{regexp.MustCompile(`[Cc]onnection (?:to [^\n]{0,40})?refused[^\n]{0,40}?\b([a-z][\w-]*(?:\.[\w-]+)*):(\d{2,5})\b`), ""}, // others
}

// speechless are refusals without an address, of drivers that are of one server alone.
var speechless = []refusal{
	{regexp.MustCompile(`connection (?:failed|is bad): (?:Connection refused|Name or service not known|Temporary failure in name resolution|No address associated with hostname)`), "PostgreSQL"}, // psycopg 3
	{regexp.MustCompile(`Connection to Redis lost: Retry`), "Redis"}, // Celery's results
	{regexp.MustCompile(`(?:pika|aiormq|aio_pika)\.exceptions\.AMQPConnectionError|AMQPConnectorSocketConnectError`), "RabbitMQ"},
	{regexp.MustCompile(`elastic_transport\.ConnectionError`), "Elasticsearch"},
	{regexp.MustCompile(`nats: no servers available`), "NATS"},
	{regexp.MustCompile(`NoBrokersAvailable|KafkaConnectionError: Unable to bootstrap`), "Kafka"},
	{regexp.MustCompile(`cassandra\.UnresolvableContactPoints`), "Cassandra"},
}

// unspoken are what the system says, and driver whose traceback it ends.
var (
	unspoken = regexp.MustCompile(`\[Errno 111\] Connection refused|\[Errno -[235]\] (?:Name or service|Temporary failure|No address)|ConnectionRefusedError\(111|Error 111\b`)
	driver   = regexp.MustCompile(`(?:site|dist)-packages/(\w+)/|(?m:^(?:E\s+)?)(\w+)\.(?:err|errors|exceptions)\.\w+`)
)

// sockets are those of what is looked for in a file; the group is its path.
var sockets = []refusal{
	{regexp.MustCompile(`connection to server on socket "([^"\n]+)" failed`), "PostgreSQL"},
	{regexp.MustCompile(`(?i)can't connect to local (?:MySQL )?server through socket '([^'\n]+)'`), "MySQL"},
}

// A known server has a port, parts of the names of the variables by which services are
// told its address, and modules that ask it.
type known struct {
	name, port string
	parts      []string
	modules    []string
}

// servers are looked up by their names, their ports and their modules.
var servers = []known{
	{"PostgreSQL", "5432", []string{"DATABASE", "POSTGRES", "DB_", "_DB", "SQL", "PGHOST", "PGUSER", "PGPASSWORD"}, []string{"psycopg", "psycopg2", "asyncpg", "pg8000"}},
	{"MySQL", "3306", []string{"DATABASE", "MYSQL", "DB_", "_DB", "SQL"}, []string{"MySQLdb", "pymysql", "aiomysql", "asyncmy", "mysql"}},
	{"Redis", "6379", []string{"REDIS", "BROKER", "CELERY", "RESULT_BACKEND", "QUEUE", "CACHE"}, []string{"redis", "aioredis", "coredis", "valkey", "rq", "arq"}},
	{"MongoDB", "27017", []string{"MONGO", "DATABASE", "DB_"}, []string{"pymongo", "motor", "mongoengine", "beanie"}},
	{"RabbitMQ", "5672", []string{"RABBIT", "AMQP", "BROKER", "CELERY"}, []string{"amqp", "kombu", "pika", "aio_pika", "aiormq"}},
	{"memcached", "11211", []string{"MEMCACHE", "CACHE"}, []string{"pymemcache", "memcache", "pylibmc"}},
	{"Elasticsearch", "9200", []string{"ELASTIC", "OPENSEARCH", "SEARCH"}, []string{"elasticsearch", "opensearchpy", "elastic_transport"}},
	{"Kafka", "9092", []string{"KAFKA"}, []string{"kafka", "aiokafka"}},
	{"NATS", "4222", []string{"NATS"}, []string{"nats"}},
	{"Cassandra", "9042", []string{"CASSANDRA", "SCYLLA"}, []string{"cassandra"}},
}

// which is the server of which is holds; what it has is "" when none is.
func which(is func(known) bool) known {
	if i := slices.IndexFunc(servers, is); i >= 0 {
		return servers[i]
	}
	return known{}
}

// addressing are the parts of names by which variables hold the address of a server, or
// a part of it.
var addressing = []string{"URL", "URI", "DSN", "HOST", "SERVER", "BROKER", "ADDRESS", "ADDR", "DATABASE", "BACKEND"}

// Addresses are those variables of a list that hold the address of a server, as their
// names say it.
func Addresses(variables []string) []string {
	var list []string
	for _, v := range variables {
		if slices.ContainsFunc(addressing, func(part string) bool { return strings.Contains(strings.ToUpper(v), part) }) {
			list = append(list, v)
		}
	}
	return list
}

// Unreached is a server for which a program has looked in vain.
type Unreached struct {
	Host, Port string // "" where the program didn't say them
	Socket     string // the file, where it looked for one
	Server     string // what it looked for, "" when that isn't known
}

// String is its address, or else its name.
func (u Unreached) String() string {
	switch {
	case u.Socket != "":
		return u.Socket
	case u.Host == "":
		return u.Server
	case u.Port == "":
		return u.Host
	}
	return u.Host + ":" + u.Port
}

// Web tells whether it is somebody's site or API, and not a server that a service is
// given.
func (u Unreached) Web() bool {
	return u.Server == "" && (u.Port == "80" || u.Port == "443") && u.Host != "localhost" && !strings.HasPrefix(u.Host, "127.")
}

// Told are those of some variables that tell of such a server, as their names say it;
// none when it isn't known what was looked for.
func (u Unreached) Told(variables []string) (list []string) {
	parts := which(func(k known) bool { return k.name == u.Server }).parts
	for _, v := range variables {
		if slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(strings.ToUpper(v), part) }) {
			list = append(list, v)
		}
	}
	return list
}

// FindUnreached finds in what a program has printed the server that it looked for last,
// with its address where any is said.
func FindUnreached(text string) (u Unreached, found bool) {
	at := -1
	for _, r := range refusals {
		for _, m := range r.pattern.FindAllStringSubmatchIndex(text, -1) {
			if m[0] < at {
				continue
			}
			at, u = m[0], Unreached{Host: text[m[2]:m[3]], Server: r.server}
			if len(m) > 4 && m[4] >= 0 {
				u.Port = text[m[4]:m[5]]
			}
		}
	}
	for _, s := range sockets {
		for _, m := range s.pattern.FindAllStringSubmatchIndex(text, -1) {
			if m[0] >= at {
				at, u = m[0], Unreached{Socket: text[m[2]:m[3]], Server: s.server}
			}
		}
	}
	switch {
	case at < 0:
		u.Server = silent(text)
	case u.Server == "":
		if u.Server = which(func(k known) bool { return k.port == u.Port }).name; u.Server == "" && !u.Web() {
			u.Server = asker(text, at)
		}
	case u.Port == "" && u.Socket == "": // the driver has not said it, as it is the usual one
		u.Port = which(func(k known) bool { return k.name == u.Server }).port
	}
	return u, at >= 0 || u.Server != ""
}

// silent is the server of a refusal that names no address.
func silent(text string) (server string) {
	at := -1
	for _, r := range speechless {
		if all := r.pattern.FindAllStringIndex(text, -1); all != nil && all[len(all)-1][0] > at {
			at, server = all[len(all)-1][0], r.server
		}
	}
	if all := unspoken.FindAllStringIndex(text, -1); server == "" && all != nil {
		server = asker(text, all[len(all)-1][0])
	}
	return server
}

// asker is the server of the driver that is named in a traceback last before a place in
// a text, or else first after it.
func asker(text string, at int) (server string) {
	for _, m := range driver.FindAllStringSubmatchIndex(text, -1) {
		group := 2
		if m[2] < 0 {
			group = 4
		}
		name := text[m[group]:m[group+1]]
		of := which(func(k known) bool { return slices.Contains(k.modules, name) }).name
		if of != "" && (m[0] <= at || server == "") {
			server = of
		}
	}
	return server
}

// Unanswered says of what a program has printed that nobody answers where it looks for
// a server, and by which of the variables in reads it is told another address; "" when
// it doesn't say so.
func Unanswered(text string, reads []string) string {
	u, found := FindUnreached(text)
	if !found {
		return ""
	}
	if u.Web() {
		return "it asks " + u.Host + ", which this machine doesn't reach"
	}
	what, by, how := "at "+u.String(), "the variable that it reads", "slipway config set, or slipway secret set"
	switch {
	case u.Host+u.Socket == "":
		what = "where it looks for " + u.Server
	case u.Server != "":
		what += ", where it looks for " + u.Server
	}
	if names := u.Told(reads); len(names) > 0 {
		if by = strings.Join(names[:min(len(names), 3)], ", "); len(names) == 1 {
			how = "slipway config set SERVICE --env ENVIRONMENT " + by + "=..., or slipway secret set"
		}
	}
	if u.Socket != "" {
		return "nothing answers " + what + ": services reach the sockets of directories that the operator opened (SLIPWAY_SERVICE_READS=" + path.Dir(u.Socket) + " of slipway up); open that one, or give it an address with a port by " + by + " (" + how + ")"
	}
	return "nothing answers " + what + ": start one there, or give it the address of one by " + by + " (" + how + ")"
}
