package cli

import (
	"runtime/debug"
	"strings"
)

// Commit is the commit that the toolchain stamped, with -dirty when files
// were changed; "" when there was no repository.
func Commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return commitOf(info.Settings)
}

func commitOf(stamps []debug.BuildSetting) string {
	commit, dirty := "", ""
	for _, s := range stamps {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if commit == "" {
		return ""
	}
	return commit + dirty
}

// Version is the module's version as the toolchain stamped it.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// StampedVersion tells two builds of this program apart.
func StampedVersion() string { return strings.TrimSpace(Version() + " " + Commit()) }
