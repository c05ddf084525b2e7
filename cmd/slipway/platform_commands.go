package main

// platformCommands are the commands that start, stop and try the platform.
type platformCommands struct{}
