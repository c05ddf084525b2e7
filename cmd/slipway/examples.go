package main

// Help of commands that need no more than an example or two.

// Help has examples.
func (schemaCommand) Help() string { return "Examples:\n  slipway schema > slipway.schema.json" }

// Help has examples.
func (versionCommand) Help() string { return "Examples:\n  slipway version\n  slipway version --json" }

// Help has examples.
func (helpCommand) Help() string { return "Examples:\n  slipway help\n  slipway help secret set" }

// Help has examples.
func (logoutCommand) Help() string {
	return "Ends the session on the server and forgets the profile in use, or the one that --profile names.\n\nExamples:\n  slipway logout\n  slipway logout --profile staging"
}

// Help has examples.
func (whoamiCommand) Help() string {
	return "Examples:\n  slipway whoami\n  slipway whoami --profile staging --json"
}

// Help has examples.
func (profileList) Help() string {
	return "Examples:\n  slipway profile ls\n  slipway profile ls --json"
}

// Help has examples.
func (profileUse) Help() string {
	return `Commands speak to the platform of, the first that is there: --server (SLIPWAY_SERVER), --profile (SLIPWAY_PROFILE), the profile in use, the data directory.

Examples:
  slipway profile use staging
  slipway profile use`
}

// Help has examples.
func (profileRm) Help() string {
	return "Forgets a profile with its session or token. The server isn't asked: slipway logout ends the session there too.\n\nExamples:\n  slipway profile rm staging"
}

// Help has examples.
func (accountList) Help() string {
	return "Examples:\n  slipway account ls\n  slipway account ls --json"
}

// Help has examples.
func (accountShow) Help() string { return "Examples:\n  slipway account show ada" }

// Help has examples.
func (accountPasswd) Help() string {
	return "Passwords are asked for, or read from standard input.\n\nExamples:\n  slipway account passwd\n  slipway account passwd bob"
}

// Help has examples.
func (teamAdd) Help() string {
	return "Examples:\n  slipway team add shop\n  slipway team add shop --display \"The shop\""
}

// Help has examples.
func (teamList) Help() string { return "Examples:\n  slipway team ls\n  slipway team ls --json" }

// Help has examples.
func (teamShow) Help() string { return "Examples:\n  slipway team show shop" }

// Help has examples.
func (teamSet) Help() string {
	return "Roles: viewer looks; developer promotes and changes config; maintainer registers services and sets secrets; admin says who is in the team.\n\nExamples:\n  slipway team set shop ada maintainer"
}

// Help has examples.
func (teamTake) Help() string { return "Examples:\n  slipway team take-out shop bob" }

// Help has examples.
func (teamRm) Help() string { return "Examples:\n  slipway team rm shop" }

// Help has examples.
func (tokenList) Help() string {
	return "Examples:\n  slipway token ls\n  slipway token ls --account chatops"
}

// Help has examples.
func (tokenRevoke) Help() string { return "Examples:\n  slipway token revoke 3" }

// Help has examples.
func (auditList) Help() string {
	return "Examples:\n  slipway audit ls --refused --since 24h\n  slipway audit ls --service billing --env prod"
}

// Help has examples.
func (auditExport) Help() string {
	return "Examples:\n  slipway audit export > audit.jsonl\n  slipway audit export --format csv --since 720h > audit.csv"
}

// Help has examples.
func (auditVerify) Help() string {
	return "Exit codes: 0 the chain is whole, 1 an entry was changed or is missing.\n\nExamples:\n  slipway audit verify"
}
