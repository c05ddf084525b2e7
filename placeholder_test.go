package slipway_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway"
)

// TestPlaceholdersHaveTheShapeAlone: each keeps what code looks at when it reads
// its settings, and no part of the value.
func TestPlaceholdersHaveTheShapeAlone(t *testing.T) {
	const word = "hunter2hunter2"
	for value, want := range map[string]string{
		"": "", "  ": "  ", "5432": "1", "-7": "1", "0.25": "1.0", "true": "true",
		"postgresql+asyncpg://app:" + word + "@db." + word + ".example:5432/" + word + "?sslmode=require&password=" + word: "postgresql+asyncpg://placeholder:placeholder@placeholder.invalid:5432/placeholder",
		"redis://:" + word + "@cache:6379/7":                           "redis://placeholder:placeholder@placeholder.invalid:6379/1",
		"https://" + word + "@o1.ingest.example/4711":                  "https://placeholder@placeholder.invalid/1",
		"sqlite:////srv/" + word + ".db":                               "sqlite:////placeholder/placeholder",
		"amqp://app:" + word + "%zz@mq/":                               "amqp://placeholder:placeholder@placeholder.invalid/placeholder",
		word + "@example.com":                                          "placeholder@placeholder.invalid",
		"host=" + word + " port=5432 password=" + word + " dbname=app": "host=placeholder.invalid port=1 password=placeholder-pl dbname=pla",
		`{"type":"service_account","private":{"key":"` + word + `"},"n":4711,"on":true,"list":["` + word + `"]}`: `{"list":["placeholder-pl"],"n":1,"on":true,"private":{"key":"placeholder-pl"},"type":"placeholder-pla"}`,
		"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI=":                                                           "cGxhY2Vob2xkZXIgcGxhY2Vob2xkZXIgcGxhY2Vob2w=",
		"deadbeefdeadbeefdeadbeef":             "706c616365686f6c64657220",
		"6f1f2c5e-8d7b-4f57-9e4b-2f8f6f6b7c11": "00000000-0000-4000-8000-000000000000",
		word:                                   "placeholder-pl",
		"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n": "-----BEGIN PRIVATE KEY-----\ncGxhY2Vo\n-----END PRIVATE KEY-----\n",
	} {
		got := slipway.Placeholder(slipway.NewSecret(value)).Reveal()
		if got != want {
			t.Errorf("%q:\ngot  %q\nwant %q", value, got, want)
		}
		if strings.Contains(got, word) || strings.Contains(got, "hunter") {
			t.Errorf("%q is in its placeholder %q", value, got)
		}
	}
}
