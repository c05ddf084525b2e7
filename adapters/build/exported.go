package build

import (
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-dev/slipway"
)

// What Poetry, PDM and Pipenv export from their locks names packages of an index,
// with hashes, and parts of the tree, which have none: the two are installed by
// two commands, so that the first can go on asking for a hash of everything.

// commitLine is an exported requirement that git has by a commit's whole id, which says
// as much of what it is as a hash.
var commitLine = regexp.MustCompile(`^(?:-e\s|--editable\s)?\s*(?:[A-Za-z0-9._-]+(?:\[[^\]]*\])?\s*@\s*)?git\+(?:https?|ssh)://\S+@(?:[0-9a-f]{40}|[0-9a-f]{64})(?:[#\s;].*)?$`)

// localLine is an exported requirement that lies in the tree.
var localLine = regexp.MustCompile(`^(?:-e\s|--editable\s)?\s*(?:[A-Za-z0-9._-]+(?:\[[^\]]*\])?\s*@\s*)?(?:file:|\.{0,2}/|\.{1,2}(?:\[[^\]]*\])?\s*(?:;|#|$))`)

// divide tells requirements of the tree, and of commits, from the others. Editable ones become
// plain: see UV_NO_EDITABLE, which speaks for those that uv itself finds.
func divide(exported string) (others, local string) {
	for _, text := range entries(exported) {
		if localLine.MatchString(text) || commitLine.MatchString(text) {
			local += strings.TrimPrefix(strings.TrimPrefix(text, "--editable "), "-e ") + "\n"
		} else if text != "" {
			others += text + "\n"
		}
	}
	return others, local
}

// entries are the requirements of a file, with the lines that go on with each.
func entries(text string) (all []string) {
	var entry []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		entry = append(entry, line)
		if !strings.HasSuffix(line, `\`) {
			all, entry = append(all, strings.Join(entry, "\n")), nil
		}
	}
	return append(all, strings.Join(entry, "\n"))
}

// exportedName is the distribution of an exported requirement.
var exportedName = regexp.MustCompile(`^(?:-e\s|--editable\s)?\s*([A-Za-z0-9][A-Za-z0-9._-]*)`)

// dropFrom takes the requirements of packages out of a file, once.
func dropFrom(file string, packages []string) error {
	text, err := readMade(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return slipway.Wrap(slipway.Unavailable, err, "what the lock says can't be read")
	}
	kept := ""
	for _, entry := range entries(string(text)) {
		m := exportedName.FindStringSubmatch(entry)
		if m != nil && slices.ContainsFunc(packages, func(name string) bool { return normal(name) == normal(m[1]) }) {
			continue
		}
		if entry != "" {
			kept += entry + "\n"
		}
	}
	return disk(writeAnew(file, kept), "what the lock says can't be kept")
}

// unbindLocal takes parts of the tree out of a file of constraints: they have no version
// to be held to, and uv refuses those without a name.
func unbindLocal(constraints string) error {
	text, err := readMade(constraints)
	if err != nil {
		return disk(err, "the versions can't be read")
	}
	kept := slices.DeleteFunc(entries(string(text)), localLine.MatchString)
	return disk(writeAnew(constraints, strings.Join(kept, "\n")), "the versions can't be kept")
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

// formerIndex is the name that PyPI had until 2018 and that older files still give: it
// leads to today's where it is reached at all.
var formerIndex = regexp.MustCompile(`https?://pypi\.python\.org/simple\b`)

// fromTodaysIndex has a file of requirements name PyPI as it is called.
func fromTodaysIndex(file string) error {
	text, err := readMade(file)
	if err != nil || !formerIndex.Match(text) {
		return nil // what can't be read is for the installer to say
	}
	return disk(writeAnew(file, formerIndex.ReplaceAllString(string(text), "https://pypi.org/simple")), "the requirements can't be kept")
}
