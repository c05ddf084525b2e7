package main

// platformCommands run the platform itself, or need no platform at all.
type platformCommands struct {
	Demo    demoCommand    `cmd:"" help:"Run the example services from git to prod."`
	Up      upCommand      `cmd:"" help:"Run the platform on this machine."`
	Down    downCommand    `cmd:"" help:"Stop the platform and every service."`
	Detect  detectCommand  `cmd:"" help:"Say what a project is and why."`
	Build   buildCommand   `cmd:"" help:"Build a release locally."`
	Test    testCommand    `cmd:"" help:"Run a project's tests the way the platform does."`
	Node    nodeCommand    `cmd:"" hidden:"" help:"Run the node agent."`
	Schema  schemaCommand  `cmd:"" help:"Print the JSON Schema of slipway.yaml."`
	Doctor  doctorCommand  `cmd:"" help:"Check this machine and the platform, and say how to mend what is wrong."`
	Version versionCommand `cmd:"" help:"Print the version."`
}
