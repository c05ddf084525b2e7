package build

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-dev/slipway"
)

// What Poetry, PDM and Pipenv export from their locks names packages of an index,
// with hashes, and parts of the tree, which have none: the two are installed by
// two commands, so that the first can go on asking for a hash of everything.

// localLine is an exported requirement that lies in the tree.
var localLine = regexp.MustCompile(`^(?:-e\s|--editable\s)?\s*(?:[A-Za-z0-9._-]+(?:\[[^\]]*\])?\s*@\s*)?(?:file:|\.{0,2}/)`)

// divide tells requirements of the tree from the others. Editable ones become
// plain: see UV_NO_EDITABLE, which speaks for those that uv itself finds.
func divide(exported string) (others, local string) {
	var entry []string
	flush := func() {
		text := strings.Join(entry, "\n")
		if entry = nil; localLine.MatchString(text) {
			local += strings.TrimPrefix(strings.TrimPrefix(text, "--editable "), "-e ") + "\n"
		} else if text != "" {
			others += text + "\n"
		}
	}
	for line := range strings.Lines(exported) {
		line = strings.TrimRight(line, "\r\n")
		entry = append(entry, line)
		if !strings.HasSuffix(line, `\`) {
			flush()
		}
	}
	flush()
	return others, local
}

// divideFile leaves in a file of exported requirements those that are not of the
// tree, and puts those that are beside it.
func divideFile(exported, local string) error {
	text, err := readMade(exported)
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "what the lock says can't be read")
	}
	others, ours := divide(string(text))
	if err := writeAnew(exported, others); err != nil {
		return disk(err, "what the lock says can't be kept")
	}
	return disk(writeAnew(local, ours), "what the lock says can't be kept")
}

// pinnedLine is a requirement of an index as PDM exports it.
var pinnedLine = regexp.MustCompile(`^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)`)

// hashFromPDM adds the lock's hashes to requirements that were exported without:
// PDM exports none at all when one package, such as a path, has none.
func hashFromPDM(exported, lock string) error {
	text, err := readMade(exported)
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "what the lock says can't be read")
	}
	known, err := readMade(lock)
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "%s can't be read", filepath.Base(lock))
	}
	var read struct {
		Package []struct {
			Name, Version string
			Files         []struct{ Hash string }
		}
	}
	if err := toml.Unmarshal(known, &read); err != nil {
		return slipway.Wrap(slipway.Refused, err, "the lock file is broken: %s can't be read; lock again", filepath.Base(lock))
	}
	hashes := map[string]string{}
	for _, p := range read.Package {
		key := normal(p.Name) + "==" + p.Version
		for _, f := range p.Files {
			if !strings.Contains(hashes[key], f.Hash) {
				hashes[key] += " --hash=" + f.Hash
			}
		}
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if m := pinnedLine.FindStringSubmatch(line); m != nil {
			line += hashes[normal(m[1])+"=="+m[2]]
		}
		out.WriteString(line + "\n")
	}
	return disk(writeAnew(exported, out.String()), "what the lock says can't be kept")
}
