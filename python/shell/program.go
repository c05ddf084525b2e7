package shell

import "strings"

// shellCommands are the words that a shell carries out by itself and POSIX names
// as utilities or special built-ins, besides those in Keywords.
var shellCommands = map[string]bool{
	":": true, "[": true, "break": true, "command": true, "continue": true, "echo": true, "exec": true, "false": true, "printf": true,
	"read": true, "readonly": true, "return": true, "shift": true, "test": true, "time": true, "true": true, "type": true,
	"unset": true, "(": true, "((": true, "[[": true, "function": true, "let": true, "declare": true, "local": true, "shopt": true, "pushd": true,
}

// Program is the first program that the command starts, as it is written: a name
// to look up, or a path. It is "" where only the run can tell, as with a shell's
// own words, or with a variable in its place.
func (c Command) Program() string {
	line, err := c.Parse()
	if err != nil {
		return ""
	}
	args := line.Args
	for len(args) > 1 && (args[0].String() == "exec" || args[0].String() == "env") {
		for args = args[1:]; len(args) > 1; args = args[1:] {
			if _, ok := args[0].assignmentOf(); !ok {
				break
			}
		}
	}
	if len(args) == 0 {
		return ""
	}
	name := args[0].String()
	for _, p := range args[0].parts {
		if p.name != "" {
			return ""
		}
	}
	if Keywords[name] || shellCommands[name] || name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, "|&;<>()`*?[#~={}!\n") {
		return ""
	}
	return name
}
