package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/api/operations"
)

// metrics are the figures of this server, in the names and units of Prometheus.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics(version operations.Version) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "slipway_http_request_duration_seconds", Help: "Time to answer a request, by the operation of the API; streams are left out.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation", "status"}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "slipway_build_info", Help: "1, labelled with the version that runs."}, []string{"version", "go"})
	build.WithLabelValues(version.Version, version.Go).Set(1)
	m.registry.MustRegister(m.requests, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// measured counts a request under the operation that it is of, never under its
// path: the series are as many as the contract has operations.
func (s *Server) measured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		err := next(c)
		operation := "other"
		if item := s.spec.Paths.Value(specPath(c.Path())); item != nil && strings.HasPrefix(c.Path(), operations.BasePath+"/") {
			if op := item.GetOperation(c.Request().Method); op != nil {
				operation = op.OperationID
			}
		}
		if c.Response().Header().Get("Content-Type") == "text/event-stream" || c.Request().URL.Query().Get("follow") != "" {
			return err
		}
		status := c.Response().Status
		if err != nil {
			status = operations.ProblemOf(err).Status
		}
		s.metrics.requests.WithLabelValues(operation, strconv.Itoa(status)).Observe(time.Since(start).Seconds())
		return err
	}
}

// exposition answers a scraper that is signed in, by a token with the scope read.
func (s *Server) exposition(c echo.Context) error {
	ctx := c.Request().Context()
	v, err := s.viewer(ctx, c.Request())
	if err != nil {
		return err
	}
	counts, err := s.platform.PromotionCounts(slipway.WithViewer(ctx, v))
	if err != nil {
		return err
	}
	promotions := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "slipway_promotions", Help: "Promotions by environment and state."}, []string{"environment", "state"})
	for _, n := range counts {
		promotions.WithLabelValues(n.Environment, string(n.State)).Set(float64(n.Count))
	}
	unserved, err := s.platform.Unserved(slipway.WithViewer(ctx, v))
	if err != nil {
		return err
	}
	now := prometheus.NewRegistry()
	now.MustRegister(promotions, edgeAnswers(unserved), ready(ctx, s))
	promhttp.HandlerFor(prometheus.Gatherers{s.metrics.registry, now}, promhttp.HandlerOpts{}).ServeHTTP(c.Response(), c.Request())
	return nil
}

// edgeAnswers are the answers that the edge gave by itself. Its series are bounded by the
// services, and a handful of causes for each.
type edgeAnswers []slipway.EdgeCount

var edgeAnswered = prometheus.NewDesc("slipway_edge_own_answers_total",
	"Requests that the edge answered by itself, or whose answer was cut (status 0), since the node agent's start.", []string{"service", "environment", "status", "cause"}, nil)

func (edgeAnswers) Describe(to chan<- *prometheus.Desc) { to <- edgeAnswered }

func (all edgeAnswers) Collect(to chan<- prometheus.Metric) {
	for _, c := range all {
		to <- prometheus.MustNewConstMetric(edgeAnswered, prometheus.CounterValue, float64(c.Count), c.Service, c.Environment, strconv.Itoa(c.Status), string(c.Cause))
	}
}

func ready(ctx context.Context, s *Server) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "slipway_ready", Help: "1 when database and workflow engine answer."})
	if s.platform.Ready(ctx) == nil {
		g.Set(1)
	}
	return g
}
