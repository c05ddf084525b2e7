package python

import (
	"regexp"

	"github.com/slipway-dev/slipway/python/manifest"
)

// pluginOptions are what pytest is told and only a plugin understands.
var pluginOptions = []struct {
	asks   *regexp.Regexp // in addopts
	option string         // of its configuration
	plugin string
}{
	{regexp.MustCompile(`(?:^|\s)--(?:no-)?cov\b`), "", "pytest-cov"}, {regexp.MustCompile(`(?:^|\s)(?:-n|--numprocesses|--dist)\b`), "", "pytest-xdist"},
	{regexp.MustCompile(`(?:^|\s)(?:--ds|--reuse-db|--create-db|--nomigrations|--no-migrations)\b`), "DJANGO_SETTINGS_MODULE", "pytest-django"},
	{regexp.MustCompile(`(?:^|\s)--asyncio-mode\b`), "asyncio_mode", "pytest-asyncio"}, {regexp.MustCompile(`(?:^|\s)--timeout\b`), "timeout", "pytest-timeout"},
	{nil, "env", "pytest-env"}, {nil, "env_files", "pytest-dotenv"}, {regexp.MustCompile(`(?:^|\s)--reruns\b`), "", "pytest-rerunfailures"},
	{regexp.MustCompile(`(?:^|\s)(?:--randomly|-p\s*randomly)`), "", "pytest-randomly"}, {nil, "mock_use_standalone_module", "pytest-mock"},
}

// PluginOf is the distribution of the pytest plugin that has an option or a
// fixture; "" when it isn't known.
func PluginOf(name string) string {
	for _, p := range pluginOptions {
		if p.asks != nil && p.asks.MatchString(name) {
			return p.plugin
		}
	}
	return pluginFixtures[name]
}

// pluginFixtures tell by which plugin a fixture comes.
var pluginFixtures = map[string]string{
	"mocker": "pytest-mock", "httpx_mock": "pytest-httpx", "requests_mock": "requests-mock", "freezer": "pytest-freezer", "benchmark": "pytest-benchmark",
	"snapshot": "syrupy", "httpserver": "pytest-httpserver", "respx_mock": "respx", "faker": "faker", "aiohttp_client": "pytest-aiohttp", "page": "pytest-playwright",
	"db": "pytest-django", "django_user_model": "pytest-django", "admin_client": "pytest-django", "live_server": "pytest-django", "settings": "pytest-django",
	"postgresql": "pytest-postgresql", "celery_app": "pytest-celery", "anyio_backend": "anyio", "subtests": "pytest-subtests", "resp": "responses", "vcr": "pytest-recording",
}

// distributions are what may bring a module.
func distributions(module string) []string {
	if names, ok := distributionOf[module]; ok {
		return names
	}
	if names, ok := testDistributionOf[module]; ok {
		return names
	}
	return []string{manifest.Normalize(module)}
}

// testDistributionOf is distributionOf for what tests import.
var testDistributionOf = map[string][]string{
	"factory": {"factory-boy"}, "faker": {"faker"}, "mock": {"mock"}, "model_bakery": {"model-bakery"}, "webtest": {"webtest"}, "django_webtest": {"django-webtest"}, "time_machine": {"time-machine"},
	"flask_testing": {"flask-testing"}, "pytest_mock": {"pytest-mock"}, "pytest_factoryboy": {"pytest-factoryboy"}, "dirty_equals": {"dirty-equals"}, "asgi_lifespan": {"asgi-lifespan"},
	"test_plus": {"django-test-plus"}, "playwright": {"playwright", "pytest-playwright"}, "starlette": {"starlette", "fastapi"}, "attr": {"attrs"}, "moto": {"moto"}, "fakeredis": {"fakeredis"},
}
