package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The benchmarks measure the product from outside. Each reports figures, and a
// ratio against a baseline of the same run where there is one; run them with
// `make bench` on a machine that does nothing else.

// BenchmarkBuild compares a cold build with the manager's own commands typed by
// hand, and a build after a change of source alone with copying.
func BenchmarkBuild(b *testing.B) {
	repo := exampleRepository(b, "payments")
	for b.Loop() {
		s := newSite(b)
		s.must("build", repo.dir) // brings the tools, fills the cache of downloads
		uv := filepath.Join(firstMatch(b, filepath.Join(s.data, "tools", "uv-*", "bin")), "uv")
		python := firstMatch(b, filepath.Join(s.data, "environments", "*", "venv", "bin", "python3"))
		base := hand(b, repo.dir, s.data, python, "-c", "import sys; print(sys._base_executable)")
		for _, dir := range []string{"environments", "artifacts"} {
			if err := os.RemoveAll(filepath.Join(s.data, dir)); err != nil {
				b.Fatal(err)
			}
		}
		venv := filepath.Join(b.TempDir(), "venv")
		began := time.Now()
		hand(b, repo.dir, s.data, uv, "venv", "--quiet", "--python", base, venv)
		hand(b, repo.dir, s.data, uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", venv, "--require-hashes", "-r", "requirements.txt")
		hand(b, repo.dir, s.data, uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", venv, "gunicorn==23.0.0")
		byHand := time.Since(began)

		began = time.Now()
		s.must("build", repo.dir)
		cold := time.Since(began)

		began = time.Now()
		hand(b, repo.dir, s.data, "cp", "-a", repo.dir, filepath.Join(b.TempDir(), "copy"))
		copying := time.Since(began)
		repo.commit("change", map[string]string{"note.txt": fmt.Sprint(time.Now())})
		began = time.Now()
		s.must("build", repo.dir)
		warm := time.Since(began)

		b.ReportMetric(byHand.Seconds(), "s-by-hand")
		b.ReportMetric(cold.Seconds(), "s-cold")
		b.ReportMetric(cold.Seconds()/byHand.Seconds(), "cold/by-hand")
		b.ReportMetric((warm - copying).Seconds(), "s-over-copying-unchanged")
	}
}

// BenchmarkDeploy measures from a commit to serving it, deploys under load, and
// the way back.
func BenchmarkDeploy(b *testing.B) {
	repo := exampleRepository(b, "payments")
	app, err := os.ReadFile(filepath.Join(repo.dir, "app.py"))
	if err != nil {
		b.Fatal(err)
	}
	change := func(word string) {
		repo.commit(word, map[string]string{"app.py": strings.Replace(string(app), `service="payments"`, `service="payments `+word+`"`, 1)})
	}
	for b.Loop() {
		s := newSite(b)
		s.start()
		s.must("service", "add", repo.url(), "--name", "payments")
		s.must("promote", "payments", "--follow")
		traffic := startLoad(s.edge, "payments", "dev", "/healthz", 50)
		for n := range 5 {
			change(fmt.Sprint("load", n))
			s.must("promote", "payments", "--follow")
		}
		traffic.stop()
		change("quiet")
		began := time.Now()
		s.must("promote", "payments", "--follow")
		serving := time.Since(began)

		began = time.Now()
		s.must("rollback", "payments", "--env", "dev")
		s.eventually(30*time.Second, "the old release answers", func() bool {
			_, body := s.get("payments", "dev", "/")
			return strings.Contains(body, "load4")
		})
		back := time.Since(began)
		b.ReportMetric(serving.Seconds(), "s-commit-to-serving")
		b.ReportMetric(back.Seconds(), "s-rollback")
		b.ReportMetric(float64(len(traffic.failures)), "failed-requests")
		b.ReportMetric(float64(traffic.requests), "requests")
	}
}

// BenchmarkLatency measures what 99 of 100 requests take at most at 50 connections while
// releases that are built already take over, beside the same while nothing happens: once
// with as many requests as are answered, and once with a tenth of a second between two of
// a connection, which leaves the machine room for a deploy.
func BenchmarkLatency(b *testing.B) {
	repo := exampleRepository(b, "payments")
	for b.Loop() {
		s := newSite(b)
		s.start()
		s.must("service", "add", repo.url(), "--name", "payments")
		s.must("promote", "payments", "--follow")
		s.must("promote", "payments", "--to", "test", "--follow")
		for kind, pause := range map[string]time.Duration{"full": 0, "paced": 100 * time.Millisecond} {
			var quiet, deploys []span
			traffic := startPaced(s.edge, "payments", "test", "/healthz", 50, pause)
			for n := range 5 {
				repo.commit("change", map[string]string{"note.txt": fmt.Sprint(kind, n)})
				s.must("promote", "payments", "--follow")
				from := time.Now()
				<-time.After(3 * time.Second)
				quiet = append(quiet, span{from, time.Now()})
				from = time.Now()
				s.must("promote", "payments", "--to", "test", "--follow")
				deploys = append(deploys, span{from, time.Now()})
			}
			traffic.stop()
			before, asked := traffic.slowest(quiet)
			during, more := traffic.slowest(deploys)
			b.Logf("%s: p99 %s of %d requests, %s of %d while releases take over", kind, before, asked, during, more)
			b.ReportMetric(before.Seconds()*1000, "ms-p99-"+kind)
			b.ReportMetric(during.Seconds()/before.Seconds(), "deploying/quiet-"+kind)
			b.ReportMetric(float64(len(traffic.failures)), "failed-"+kind)
		}
	}
}

// BenchmarkAnswers measures how soon a promotion obeys: from the approval to the
// first step behind it, and from a cancel to the end, in each step, where
// everything that belongs to the service takes no notice of SIGTERM.
func BenchmarkAnswers(b *testing.B) {
	const deaf = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(4)\n"
	repo := newRepository(b, map[string]string{
		"app.py": deaf + plugApp("deaf")["app.py"], "slow.py": deaf, "Procfile": "web: python app.py\nrelease: python slow.py\n",
		"slipway.yaml": "test:\n  command: python slow.py\nverify_command: python slow.py\n",
	})
	for b.Loop() {
		s := newSite(b)
		s.start()
		s.must("service", "add", repo.url(), "--name", "deaf")
		s.must("policy", "set", "--env", "dev", "--approvals", "1", "--own-changes", "always")
		longest := time.Duration(0)
		for n, step := range []string{"fetch", "test", "rehearse", "approve", "migrate", "deploy", "verify"} {
			repo.commit(step, map[string]string{"note.txt": fmt.Sprint(n)})
			var p promotion
			s.decode(&p, "promote", "deaf")
			begins := func(step string) {
				s.eventually(60*time.Second, "step "+step+" begins", func() bool {
					s.decode(&p, "promotion", "show", id(p))
					return p.step(step) != "pending"
				})
			}
			if step == "migrate" || step == "deploy" || step == "verify" {
				begins("approve")
				s.eventually(60*time.Second, "it waits", func() bool { s.decode(&p, "promotion", "show", id(p)); return p.State == "waiting" })
				said := time.Now()
				s.must("approve", id(p), "--yes")
				begins("migrate")
				if step == "migrate" {
					b.ReportMetric(max(0, p.startOf("migrate").Sub(said).Seconds()), "s-approval-to-step")
				}
			}
			if step != "fetch" { // which is over in a moment
				begins(step)
			}
			asked := time.Now()
			s.must("promotion", "cancel", id(p))
			s.eventually(60*time.Second, "it is over", func() bool { s.decode(&p, "promotion", "show", id(p)); return over(p.State) })
			took := time.Since(asked)
			if p.State != "cancelled" {
				b.Errorf("cancelled in %s, it has %s: %s", step, p.State, p.Reason)
			}
			b.Logf("cancelled in %s: over after %.1f s", step, took.Seconds())
			longest = max(longest, took)
		}
		b.ReportMetric(longest.Seconds(), "s-cancel-to-end")
	}
}

// BenchmarkIdle measures the start, and what the platform costs at rest with
// nothing deployed.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		s := newSite(b)
		s.start() // makes the databases
		s.must("down")
		began := time.Now()
		s.start()
		ready := time.Since(began)
		const rest = 20 * time.Second
		before := cpu(s.data)
		<-time.After(rest)
		b.ReportMetric(ready.Seconds(), "s-up-to-ready")
		b.ReportMetric((cpu(s.data)-before).Seconds()/rest.Seconds()*100, "%-of-a-core")
		all, own := resident(s.data)
		b.ReportMetric(float64(all)/(1<<20), "MiB-resident")
		b.ReportMetric(float64(own)/(1<<20), "MiB-proportional")
	}
}

// hand runs a command as a person would who has the site's tools and cache.
func hand(b *testing.B, dir, data, program string, args ...string) string {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "UV_CACHE_DIR="+filepath.Join(data, "cache", "uv"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func firstMatch(b *testing.B, pattern string) string {
	b.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		b.Fatalf("nothing is at %s", pattern)
	}
	return found[0]
}

// cpu sums the processor time of the site's processes.
func cpu(data string) time.Duration {
	var ticks int
	for _, p := range processesMentioning(data) {
		pid, _, _ := strings.Cut(p, " ")
		text, _ := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 12 {
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			ticks += user + system
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

// resident sums the resident memory of the site's processes, in bytes.
func resident(data string) (all, own int64) {
	for _, p := range processesMentioning(data) {
		pid, _, _ := strings.Cut(p, " ")
		text, _ := os.ReadFile(filepath.Join("/proc", pid, "smaps_rollup"))
		for line := range strings.Lines(string(text)) {
			name, rest, _ := strings.Cut(line, ":")
			size, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			switch name {
			case "Rss":
				all += size << 10
			case "Pss":
				own += size << 10
			}
		}
	}
	return all, own
}
