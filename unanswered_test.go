package slipway

import (
	"os"
	"strings"
	"testing"
)

// TestFindUnreached reads what releases of drivers printed of a port that is closed and
// of a name that isn't known: which server was looked for is found in each, and its
// address wherever it is said.
func TestFindUnreached(t *testing.T) {
	recorded, err := os.ReadFile("testdata/drivers.txt")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, record := range strings.Split(string(recorded), "### ")[1:] {
		head, text, _ := strings.Cut(record, "\n")
		server, by, _ := strings.Cut(head, " ")
		want := Unreached{Server: server}
		if server == "none" {
			want.Server = ""
		}
		for _, host := range []string{"127.0.0.1", "db.nosuch"} {
			if strings.Contains(text, host) {
				want.Host = host
			}
		}
		got, found := FindUnreached(text)
		if tried++; !found || got.Server != want.Server || got.Host != want.Host || strings.Contains(text, "59991") && got.Port != "59991" {
			t.Errorf("%s: %+v, want %+v in\n%s", by, got, want, text)
		}
		if want.Server == "" && want.Host == "db.nosuch" && !got.Web() {
			t.Errorf("%s: %+v is no site", by, got)
		}
	}
	if tried < 60 {
		t.Errorf("%d records only", tried)
	}
	for _, text := range []string{"", "redis/client.py: all is well", "AssertionError: 1 != 2", "  File \"/venv/lib/python3/site-packages/redis/client.py\"\nValueError: x"} {
		if got, found := FindUnreached(text); found {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// TestUnanswered reads what drivers really print.
func TestUnanswered(t *testing.T) {
	reads := Addresses([]string{"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY", "MONGO_HOST", "LEVEL"})
	for text, want := range map[string]string{
		"ERROR:root:Error 111 connecting to localhost:6379. Connection refused.":                                                                                                    "nothing answers at localhost:6379, where it looks for Redis: start one there, or give it the address of one by REDIS_URL, CELERY_BROKER_URL (",
		"django.db.utils.OperationalError: connection to server at \"127.0.0.1\", port 5432 failed: Connection refused\n\tIs the server running":                                    "127.0.0.1:5432, where it looks for PostgreSQL: start one there, or give it the address of one by DATABASE_URL (slipway config set SERVICE --env ENVIRONMENT DATABASE_URL=...",
		"connection to server at \"localhost\" (::1), port 5432 failed: Connection refused":                                                                                         "localhost:5432",
		"could not connect to server: Connection refused\n\tIs the server running on host \"db\" (127.0.0.1) and accepting\n\tTCP/IP connections on port 5432?":                     "db:5432",
		"OSError: Multiple exceptions: [Errno 111] Connect call failed ('127.0.0.1', 5432)":                                                                                         "127.0.0.1:5432",
		"ConnectionRefusedError: [Errno 111] Connect call failed ('::1', 27017, 0, 0)":                                                                                              "::1:27017, where it looks for MongoDB: start one there, or give it the address of one by DATABASE_URL, MONGO_HOST",
		"(2003, \"Can't connect to MySQL server on 'localhost' ([Errno 111] Connection refused)\")":                                                                                 "localhost:3306, where it looks for MySQL",
		"consumer: Cannot connect to amqp://guest:**@127.0.0.1:5672//: [Errno 111] Connection refused.\nTrying again":                                                               "127.0.0.1:5672, where it looks for RabbitMQ: start one there, or give it the address of one by CELERY_BROKER_URL",
		"HTTPConnectionPool(host='search', port=9999): Max retries exceeded with url: / (Caused by NewConnectionError('[Errno 111] Connection refused'))":                           "search:9999: start one there, or give it the address of one by the variable that it reads",
		"localhost:27017: [Errno 111] Connection refused (configured timeouts":                                                                                                      "localhost:27017",
		"connection to server on socket \"/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory":                                                                        "nothing answers at /run/postgresql/.s.PGSQL.5432, where it looks for PostgreSQL: services reach the sockets of directories that the operator opened (SLIPWAY_SERVICE_READS=/run/postgresql of slipway up); open that one, or give it an address with a port by DATABASE_URL (",
		"(2002, \"Can't connect to local MySQL server through socket '/run/mysqld/mysqld.sock' (2)\")":                                                                              "SLIPWAY_SERVICE_READS=/run/mysqld of",
		"django.db.utils.OperationalError: connection failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?":                           "nothing answers where it looks for PostgreSQL: start one there, or give it the address of one by DATABASE_URL (",
		"HTTPSConnectionPool(host='api.example.com', port=443): Max retries exceeded with url: / (Caused by NewConnectionError('<urllib3>: [Errno -2] Name or service not known'))": "it asks api.example.com, which this machine doesn't reach",
		"Listening at http://127.0.0.1:8000": "",
		"permission refused to 5432":         "",
	} {
		if got := Unanswered(text, reads); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q\n says %q\n want %q", text, got, want)
		}
	}
}
