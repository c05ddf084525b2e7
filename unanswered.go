package slipway

import (
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

// servers are what mostly listens at a port, and the parts of the names of the variables
// by which services are told its address.
var servers = map[string]struct {
	name  string
	parts []string
}{
	"5432":  {"PostgreSQL", []string{"DATABASE", "POSTGRES", "DB_", "_DB", "SQL", "PGHOST"}},
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

// Unanswered says of what a program has printed that nobody answers where it looks for
// a server, and by which of the variables in reads it is told another address; "" when
// it doesn't say so.
func Unanswered(text string, reads []string) string {
	at, host, port := -1, "", ""
	for _, pattern := range refusals {
		for _, m := range pattern.FindAllStringSubmatchIndex(text, -1) {
			if m[0] >= at {
				at, host, port = m[0], text[m[2]:m[3]], ""
				if m[4] >= 0 {
					port = text[m[4]:m[5]]
				}
			}
		}
	}
	if at < 0 {
		return ""
	}
	if port == "" {
		port = "3306"
	}
	server, known := servers[port]
	what, says := host+":"+port, "give it the address of one by the variable that it reads"
	if known {
		what += ", where it looks for " + server.name
		var names []string
		for _, v := range reads {
			if slices.ContainsFunc(server.parts, func(part string) bool { return strings.Contains(strings.ToUpper(v), part) }) {
				names = append(names, v)
			}
		}
		if len(names) > 0 {
			says = "give it the address of one by " + strings.Join(names[:min(len(names), 3)], ", ")
		}
		if len(names) == 1 {
			says += " (slipway config set SERVICE --env ENVIRONMENT " + names[0] + "=..., or slipway secret set)"
		} else {
			says += " (slipway config set, or slipway secret set)"
		}
	} else {
		says += " (slipway config set, or slipway secret set)"
	}
	return "nothing answers at " + what + ": start one there, or " + says
}
