package engine

import (
	"context"
	"log/slog"
	"os"
	"time"

	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// serverLog passes on what the server says from warnings up: it says a lot.
type serverLog struct{ to *slog.Logger }

var _ log.Logger = serverLog{}

func (l serverLog) Debug(string, ...tag.Tag) {}
func (l serverLog) Info(string, ...tag.Tag)  {}
func (l serverLog) Warn(msg string, tags ...tag.Tag) {
	l.write(slog.LevelInfo, msg, tags)
}
func (l serverLog) Error(msg string, tags ...tag.Tag)  { l.write(slog.LevelWarn, msg, tags) }
func (l serverLog) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }
func (l serverLog) Panic(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError, msg, tags)
	panic(msg)
}

// Fatal is the server saying that it can't go on, which the process can't either.
func (l serverLog) Fatal(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError, msg, tags)
	os.Exit(1)
}

func (l serverLog) write(level slog.Level, msg string, tags []tag.Tag) {
	if !l.to.Enabled(context.Background(), level) {
		return
	}
	args := make([]any, 0, len(tags))
	for _, t := range tags {
		args = append(args, slog.Any(t.Key(), t.Value()))
	}
	l.to.Log(context.Background(), level, "workflow engine: "+msg, args...)
}

// clientLog passes on what the SDK says, a level lower: it calls a red test an
// error. What is one is logged by the steps themselves.
type clientLog struct{ to *slog.Logger }

var _ sdklog.Logger = clientLog{}

func (l clientLog) Debug(string, ...any)           {}
func (l clientLog) Info(msg string, pairs ...any)  { l.to.Debug("workflows: "+msg, pairs...) }
func (l clientLog) Warn(msg string, pairs ...any)  { l.to.Info("workflows: "+msg, pairs...) }
func (l clientLog) Error(msg string, pairs ...any) { l.to.Info("workflows: "+msg, pairs...) }

const (
	pollsPerSecond   = 2000
	schedulerWorkers = 64
)

// tuning fits the server to one machine: small caches, few partitions, few
// pollers, none of the features that a single namespace doesn't use.
func tuning() dynamicconfig.StaticClient {
	settings := dynamicconfig.StaticClient{}
	for name, value := range map[string]any{
		"frontend.enableUpdateWorkflowExecution":         true,
		"system.enableActivityEagerExecution":            true,
		"system.enableEagerWorkflowStart":                true,
		"system.forceSearchAttributesCacheRefreshOnRead": false,
		"matching.numTaskqueueReadPartitions":            1,
		"matching.numTaskqueueWritePartitions":           1,
		"history.cacheMaxSize":                           200,
		"history.eventsCacheMaxSizeBytes":                8 << 20,
		"history.hostLevelCacheMaxSize":                  300,
		"worker.perNamespaceWorkerCount":                 0,
		"worker.scannerEnabled":                          false,
		"history.timerProcessorMaxPollInterval":          5 * time.Minute,
		"history.transferProcessorMaxPollInterval":       time.Minute,
		"history.visibilityProcessorMaxPollInterval":     time.Minute,
		"history.shardUpdateMinInterval":                 5 * time.Minute,
		// Goroutines that wait for work from the start on, 512 for each kind by default: an
		// engine for one machine never has as many tasks at once.
		"history.timerProcessorSchedulerWorkerCount":                  schedulerWorkers,
		"history.memoryTimerProcessorSchedulerWorkerCount":            schedulerWorkers,
		"history.transferProcessorSchedulerWorkerCount":               schedulerWorkers,
		"history.visibilityProcessorSchedulerWorkerCount":             schedulerWorkers,
		"history.archivalProcessorSchedulerWorkerCount":               1,
		"history.ReplicationProcessorSchedulerWorkerCount":            1,
		"history.ReplicationLowPriorityProcessorSchedulerWorkerCount": 1,
		// A task is read from its queue by a poll. There is one shard, so that the
		// default of 20 polls a second makes every step wait 50 ms.
		"history.transferProcessorMaxPollRPS":   pollsPerSecond,
		"history.timerProcessorMaxPollRPS":      pollsPerSecond,
		"history.visibilityProcessorMaxPollRPS": pollsPerSecond,
		"frontend.namespaceRPS":                 10000,
		"limit.maxIDLength":                     255,
		"matching.enableFairness":               true, // services take turns at the slots for builds
	} {
		settings[dynamicconfig.MakeKey(name)] = value
	}
	return settings
}
