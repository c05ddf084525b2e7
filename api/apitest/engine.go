package apitest

import (
	"context"
	"strconv"

	enums "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/workflows"
)

// engine stands where the workflow engine does: it plays a promotion as soon
// as its workflow is started. What it doesn't know is nil, and would panic.
type engine struct {
	client.Client
	world *World
}

func (engine) CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	return &client.CheckHealthResponse{}, nil
}

func (e engine) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	in, ok := args[0].(workflows.Input)
	if !ok { // a delivery: nobody carries it
		return run{id: o.ID}, nil
	}
	play := func() {
		e.world.play(in.Promotion, in.Service, in.Environment, in.Commit, in.Release, in.Steps)
	}
	switch in.Commit.Ref {
	case "endless", "undone": // whoever asked looks at where it stays
		play()
	default:
		e.world.running.Go(play)
	}
	return run{id: o.ID}, nil
}

func (e engine) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: enums.WORKFLOW_EXECUTION_STATUS_COMPLETED},
	}, nil
}

// SignalWorkflow tells nobody to look again: what is under way here stays as a test left it.
func (engine) SignalWorkflow(context.Context, string, string, string, any) error { return nil }

func (e engine) UpdateWorkflow(_ context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	id, _ := strconv.Atoi(o.Args[0].(string))
	return update{id: id}, nil
}

// courier may call anything, and never does: no workflow asks it to.
type courier struct{ slipway.Courier }

func (courier) Check(context.Context, string) error { return nil }

type run struct {
	client.WorkflowRun
	id string
}

func (r run) GetID() string                { return r.id }
func (run) GetRunID() string               { return "run" }
func (run) Get(context.Context, any) error { return nil }

type update struct {
	client.WorkflowUpdateHandle
	id int
}

func (update) Get(context.Context, any) error { return nil }
