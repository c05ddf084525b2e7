package api_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-dev/slipway/api"
	"github.com/slipway-dev/slipway/api/apitest"
)

// crowd fills a world with ten thousand services of ten teams, a release of
// each, and a hundred thousand promotions.
const crowd = `
INSERT INTO teams (created_at, updated_at, name) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 9)
  SELECT '2026-11-01 00:00:00+00:00', '2026-11-01 00:00:00+00:00', 'crowd-' || i FROM n;
INSERT INTO services (created_at, updated_at, name, repository, team_id) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 9999)
  SELECT '2026-11-01 00:00:00+00:00', '2026-11-01 00:00:00+00:00', printf('service-%05d', i), 'https://git.example.com/a.git', (SELECT id FROM teams WHERE name = 'crowd-' || (i % 10)) FROM n;
INSERT INTO releases (created_at, updated_at, number, "commit", ref, author, subject, committed_at, artifact, bytes, python, framework, lock, manifest, service_id)
  SELECT created_at, updated_at, 1, printf('%040d', id), 'main', 'Ada', 'Change', created_at, 'sha256:0', 7, '3.13', 'flask', '', '{}', id FROM services;
INSERT INTO promotions (created_at, updated_at, "commit", state, requested_by, service_id, release_id, environment_id) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 99999)
  SELECT '2026-11-01 00:00:00+00:00', '2026-11-01 00:00:00+00:00', '{"id":"0000000000000000000000000000000000000000"}', 'succeeded', 'ada', s.id, r.id, 1 + n.i % 3
  FROM n JOIN services s ON s.name = printf('service-%05d', n.i % 10000) JOIN releases r ON r.service_id = s.id;
ANALYZE;`

// bare is the same echo and the same kind of database without what Slipway puts
// between: it reads and writes the same rows, and sends as many bytes.
func bare(b *testing.B, db *sql.DB, sizes map[string]int) http.Handler {
	e := echo.New()
	list := func(query string, columns, size int) echo.HandlerFunc {
		return func(c echo.Context) error {
			rows, err := db.QueryContext(c.Request().Context(), query)
			if err != nil {
				return err
			}
			defer rows.Close()
			var all [][]any
			for rows.Next() {
				row := make([]any, columns)
				for i := range row {
					row[i] = new(any)
				}
				if err := rows.Scan(row...); err != nil {
					return err
				}
				all = append(all, row)
			}
			answer := map[string]any{"items": all}
			if rest := size - 100*len(all); rest > 0 {
				answer["rest"] = string(bytes.Repeat([]byte("x"), rest))
			}
			return c.JSON(http.StatusOK, answer)
		}
	}
	e.GET("/services", list(`SELECT s.id, s.name, s.kind, s.repository, s.path, s.branch, s.revision, s.created_at, t.name FROM services s LEFT JOIN teams t ON t.id = s.team_id ORDER BY s.name LIMIT 51`, 9, sizes["/services"]))
	e.GET("/promotions", list(`SELECT p.id, p."commit", p.state, p.reason, p.requested_by, p.created_at, p.started_at, p.ended_at, s.name, e.name, r.number FROM promotions p
		JOIN services s ON s.id = p.service_id JOIN environments e ON e.id = p.environment_id LEFT JOIN releases r ON r.id = p.release_id ORDER BY p.id DESC LIMIT 51`, 11, sizes["/promotions"]))
	e.POST("/teams", func(c echo.Context) error {
		var in struct{ Name string }
		if err := c.Bind(&in); err != nil {
			return err
		}
		now := time.Now().UTC()
		tx, err := db.BeginTx(c.Request().Context(), nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		if _, err := tx.Exec(`INSERT INTO teams (created_at, updated_at, name) VALUES (?, ?, ?)`, now, now, in.Name); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		return c.JSON(http.StatusCreated, map[string]any{"name": in.Name, "created_at": now})
	})
	return e
}

// served listens for a handler until the benchmark ends.
func served(b *testing.B, s *http.Server) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	b.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

// BenchmarkLoad measures two lists and a write on a platform with ten thousand
// services and a hundred thousand promotions, and the same of a bare echo on the
// same kind of database in turns with it. Reported are the middle and the 99th of
// a hundred by duration, and Slipway's as multiples of the bare ones.
func BenchmarkLoad(b *testing.B) {
	const rounds = 400
	for b.Loop() {
		w := apitest.New(b)
		file := filepath.Join(w.Data, "slipway.db")
		db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)&_txlock=immediate")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1)
		if _, err := db.Exec(crowd); err != nil {
			b.Fatal(err)
		}
		server := apitest.NewServer(b, api.Options{Platform: w.Platform, RequestsPerMinute: 1 << 30})
		ours := served(b, server.HTTP()) + "/api/v1"
		ask := func(base, method, path, body string, want int) (time.Duration, int) {
			r, err := http.NewRequestWithContext(context.Background(), method, base+path, bytes.NewReader([]byte(body)))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+w.Token)
			r.Header.Set("Content-Type", "application/json")
			began := time.Now()
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil || resp.StatusCode != want {
				b.Fatal(err, resp.StatusCode, string(text))
			}
			return time.Since(began), len(text)
		}
		sizes := map[string]int{}
		for _, path := range []string{"/services", "/promotions"} {
			_, sizes[path] = ask(ours, "GET", path, "", http.StatusOK)
		}
		theirs := served(b, &http.Server{Handler: bare(b, db, sizes), ReadHeaderTimeout: time.Minute})
		for _, call := range []struct {
			name, method, path string
			status             int
		}{
			{"services", "GET", "/services", http.StatusOK}, {"promotions", "GET", "/promotions", http.StatusOK}, {"team", "POST", "/teams", http.StatusCreated},
		} {
			var took, plain []time.Duration
			for i := range rounds {
				for which, base := range map[string]string{"o": ours, "t": theirs} {
					body := ""
					if call.method == "POST" {
						body = fmt.Sprintf(`{"name":"team-%s-%d"}`, which, i)
					}
					d, _ := ask(base, call.method, call.path, body, call.status)
					if which == "o" {
						took = append(took, d)
					} else {
						plain = append(plain, d)
					}
				}
			}
			slices.Sort(took)
			slices.Sort(plain)
			for _, p := range []int{50, 99} {
				b.ReportMetric(took[len(took)*p/100].Seconds()*1000, fmt.Sprintf("%s-ms-p%d", call.name, p))
				b.ReportMetric(took[len(took)*p/100].Seconds()/plain[len(plain)*p/100].Seconds(), fmt.Sprintf("%s-ratio-p%d", call.name, p))
			}
		}
	}
}
