// Package target speaks to what deployments run on: process is the node agent
// of this machine.
package target

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/socket"
)

// Node is the node agent of a data directory, reached over its socket.
type Node struct{ client *http.Client }

var (
	_ slipway.Target    = (*Node)(nil)
	_ slipway.Rehearser = (*Node)(nil)
	_ slipway.Edge      = (*Node)(nil)
	_ slipway.Inventory = (*Node)(nil)
)

// Process is the target `process`: plain processes, run by the node agent of a
// data directory. It may be made before the agent runs; calls are Unavailable
// until then.
func Process(data string) *Node {
	return &Node{client: &http.Client{Transport: socket.Transport(filepath.Join(data, "node"), "node.sock")}}
}

// line is one line of an answer, see node.Line.
type line struct {
	Log   string `json:"log"`
	Error *struct {
		Code    slipway.Code `json:"code"`
		Message string       `json:"message"`
	} `json:"error"`
	Result json.RawMessage `json:"result"`
}

// query names a service in an environment.
type query struct{ Service, Environment string }

// Status asks the agent who it is.
func (n *Node) Status(ctx context.Context) (s slipway.NodeStatus, err error) {
	err = n.call(ctx, "status", struct{}{}, io.Discard, &s)
	return s, err
}

// Shutdown stops every service and then the agent.
func (n *Node) Shutdown(ctx context.Context) error {
	return n.call(ctx, "shutdown", struct{}{}, io.Discard, nil)
}

func (n *Node) Release(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	return n.call(ctx, "release", d, log, nil)
}

func (n *Node) Rehearse(ctx context.Context, d slipway.Deployment, log io.Writer) (results []slipway.TrialResult, err error) {
	err = n.call(ctx, "rehearse", d, log, &results)
	return results, err
}

func (n *Node) Deploy(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	return n.call(ctx, "deploy", d, log, nil)
}

func (n *Node) Revert(ctx context.Context, d slipway.Deployment, log io.Writer) error {
	return n.call(ctx, "revert", d, log, nil)
}

func (n *Node) Observe(ctx context.Context, service, environment string) (o slipway.Observed, err error) {
	err = n.call(ctx, "observe", query{service, environment}, io.Discard, &o)
	return o, err
}

func (n *Node) Traffic(ctx context.Context, service, environment string, since time.Time) (t slipway.Traffic, err error) {
	in := struct {
		Service, Environment string
		Since                time.Time
	}{service, environment, since}
	err = n.call(ctx, "traffic", in, io.Discard, &t)
	return t, err
}

func (n *Node) Logs(ctx context.Context, q slipway.LogQuery, w io.Writer) error {
	return n.call(ctx, "logs", q, w, nil)
}

func (n *Node) Remove(ctx context.Context, service, environment string) error {
	return n.call(ctx, "remove", query{service, environment}, io.Discard, nil)
}

func (n *Node) Answer(ctx context.Context, d slipway.Domains) error {
	return n.call(ctx, "names", d, io.Discard, nil)
}

func (n *Node) Unserved(ctx context.Context) (all []slipway.EdgeCount, err error) {
	err = n.call(ctx, "unserved", struct{}{}, io.Discard, &all)
	return all, err
}

func (n *Node) Running(ctx context.Context) (all []slipway.Running, err error) {
	err = n.call(ctx, "running", struct{}{}, io.Discard, &all)
	return all, err
}

func (n *Node) Recall(ctx context.Context, service, environment, id string) (d slipway.Deployment, err error) {
	in := struct{ Service, Environment, Deployment string }{service, environment, id}
	err = n.call(ctx, "recall", in, io.Discard, &d)
	return d, err
}

func (n *Node) End(ctx context.Context, e slipway.Ending, log io.Writer) error {
	return n.call(ctx, "end", e, log, nil)
}

// call runs one method of the agent. An agent that goes away in the middle is
// Unavailable: calls are idempotent, so the caller tries again.
func (n *Node) call(ctx context.Context, method string, in any, log io.Writer, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	res, err := n.post(ctx, method, body)
	if err == nil && res.StatusCode == http.StatusUnauthorized {
		// An agent that is started in this moment has a new key.
		_ = res.Body.Close()
		res, err = n.post(ctx, method, body)
	}
	if err != nil {
		return away(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotFound {
		return slipway.Errorf(slipway.Unavailable, "the node agent is of an earlier version and doesn't know %s; `slipway down` and `slipway up` start the new one", method)
	}
	answer := json.NewDecoder(bufio.NewReader(res.Body))
	for {
		var l line
		if err := answer.Decode(&l); err != nil {
			return away(ctx, err)
		}
		switch {
		case l.Error != nil:
			return slipway.Errorf(l.Error.Code, "%s", l.Error.Message)
		case l.Result != nil:
			if out == nil {
				return nil
			}
			return json.Unmarshal(l.Result, out)
		case l.Log != "":
			if _, err := io.WriteString(log, l.Log); err != nil {
				return err
			}
		}
	}
}

func (n *Node) post(ctx context.Context, method string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/"+method, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return n.client.Do(req)
}

func away(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return slipway.Wrap(slipway.Unavailable, err, "the node agent does not answer; `slipway up` starts it again")
}
