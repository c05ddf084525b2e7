package slipway

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// refusals are the ways in which drivers say that nobody answers at an address; the
// groups are its host and its port.
var refusals = []*regexp.Regexp{
	regexp.MustCompile(`connecting to ([\w.-]+):(\d+)\.? [^\n]*refused`),                                               // redis-py, Kombu
	regexp.MustCompile(`server at "([^"\n]+)"(?: \([^)\n]*\))?, port (\d+) failed: Connection refused`),                // libpq
	regexp.MustCompile(`Connection refused\s+Is the server running on host "([^"\n ]+)"[^\n]*\s+[^\n]*port (\d+)`),     // libpq before 14
	regexp.MustCompile(`Connect call failed \('([^'\n]+)', (\d+)`),                                                     // asyncio
	regexp.MustCompile(`Can't connect to (?:MySQL )?server on '([\w.-]+)(?::(\d+))?'`),                                 // MySQL's
	regexp.MustCompile(`([\w.-]+):(\d+): \[Errno 111\] Connection refused`),                                            // PyMongo
	regexp.MustCompile(`host='([\w.-]+)', port=(\d+)\)[^\n]*Connection refused`),                                       // urllib3
	regexp.MustCompile(`Cannot connect to \w+://(?:[^\s/@]*@)?([\w.-]+):(\d+)//?[^\n]*Connection refused`),             // Celery
	regexp.MustCompile(`[Cc]onnection (?:to [^\n]{0,40})?refused[^\n]{0,40}?\b([a-z][\w-]*(?:\.[\w-]+)*):(\d{2,5})\b`), // others
}

// sockets are those of what is looked for in a file; the group is its path, and port
// that by which the server is known.
var sockets = []struct {
	pattern *regexp.Regexp
	port    string
}{
	{regexp.MustCompile(`connection to server on socket "([^"\n]+)" failed`), "5432"},
	{regexp.MustCompile(`(?i)can't connect to local (?:MySQL )?server through socket '([^'\n]+)'`), "3306"},
}

// servers are what mostly listens at a port, and the parts of the names of the variables
// by which services are told its address.
var servers = map[string]struct {
	name  string
	parts []string
}{
	"5432":  {"PostgreSQL", []string{"DATABASE", "POSTGRES", "DB_", "_DB", "SQL", "PGHOST", "PGUSER", "PGPASSWORD"}},
	"3306":  {"MySQL", []string{"DATABASE", "MYSQL", "DB_", "_DB", "SQL"}},
	"6379":  {"Redis", []string{"REDIS", "BROKER", "CELERY", "RESULT_BACKEND", "QUEUE", "CACHE"}},
	"27017": {"MongoDB", []string{"MONGO", "DATABASE", "DB_"}},
	"5672":  {"RabbitMQ", []string{"RABBIT", "AMQP", "BROKER", "CELERY"}},
	"11211": {"memcached", []string{"MEMCACHE", "CACHE"}},
	"9200":  {"Elasticsearch", []string{"ELASTIC", "OPENSEARCH", "SEARCH"}},
	"9092":  {"Kafka", []string{"KAFKA"}},
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
	Host, Port string
	Socket     string // the file, where it looked for one; Host is "" then
	Server     string // what mostly listens there, "" when that isn't known
}

// String is its address.
func (u Unreached) String() string {
	if u.Socket != "" {
		return u.Socket
	}
	return u.Host + ":" + u.Port
}

// Told are those of some variables that tell of such a server, as their names say it;
// none when it isn't known what listens there.
func (u Unreached) Told(variables []string) (list []string) {
	for _, v := range variables {
		if slices.ContainsFunc(servers[u.Port].parts, func(part string) bool { return strings.Contains(strings.ToUpper(v), part) }) {
			list = append(list, v)
		}
	}
	return list
}

// FindUnreached finds in what a program has printed the server that it looked for last.
func FindUnreached(text string) (u Unreached, found bool) {
	at := -1
	for _, pattern := range refusals {
		for _, m := range pattern.FindAllStringSubmatchIndex(text, -1) {
			if m[0] < at {
				continue
			}
			at, u = m[0], Unreached{Host: text[m[2]:m[3]], Port: "3306"} // MySQL's alone doesn't say it
			if m[4] >= 0 {
				u.Port = text[m[4]:m[5]]
			}
		}
	}
	for _, s := range sockets {
		for _, m := range s.pattern.FindAllStringSubmatchIndex(text, -1) {
			if m[0] >= at {
				at, u = m[0], Unreached{Socket: text[m[2]:m[3]], Port: s.port}
			}
		}
	}
	u.Server = servers[u.Port].name
	return u, at >= 0
}

// Unanswered says of what a program has printed that nobody answers where it looks for
// a server, and by which of the variables in reads it is told another address; "" when
// it doesn't say so.
func Unanswered(text string, reads []string) string {
	u, found := FindUnreached(text)
	if !found {
		return ""
	}
	what, by, how := u.String(), "the variable that it reads", "slipway config set, or slipway secret set"
	if u.Server != "" {
		what += ", where it looks for " + u.Server
	}
	if names := u.Told(reads); len(names) > 0 {
		if by = strings.Join(names[:min(len(names), 3)], ", "); len(names) == 1 {
			how = "slipway config set SERVICE --env ENVIRONMENT " + by + "=..., or slipway secret set"
		}
	}
	if u.Socket != "" {
		return "nothing answers at " + what + ": services reach the sockets of directories that the operator opened (SLIPWAY_SERVICE_READS=" + path.Dir(u.Socket) + " of slipway up); open that one, or give it an address with a port by " + by + " (" + how + ")"
	}
	return "nothing answers at " + what + ": start one there, or give it the address of one by " + by + " (" + how + ")"
}
