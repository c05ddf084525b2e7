package slipway_test

import (
	"testing"

	"github.com/slipway-dev/slipway"
)

func TestExceptionLines(t *testing.T) {
	for line, want := range map[string]bool{
		"KeyError: 'SECRET'": true, "django.core.exceptions.ImproperlyConfigured: no engine": true, "sqlalchemy.exc.OperationalError: (x) no such table: t": true,
		"redis.exceptions.ConnectionError: Error 111": true, "shop.models.Order.DoesNotExist": true, "ZeroDivisionError": true,
		"Traceback (most recent call last):": false, "  File \"x.py\", line 1": false, "INFO: Error: none": false, "GET / HTTP/1.1 500": false, "ERROR: boom": false,
	} {
		if got := slipway.LastException(line+"\n") == line; got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}
