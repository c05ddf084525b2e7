package build

import (
	"bufio"
	"encoding/json"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/python"
)

// distribution is what an environment says of one installed package.
type distribution struct{ name, version, licence, summary string }

// inventory writes what the release contains: dependencies.json for us, and a
// CycloneDX SBOM for everybody.
func (r *run) inventory(p *python.Project, env environment, dir, source string) error {
	installed, err := distributions(env.venv())
	if err != nil {
		return disk(err, "the environment can't be read")
	}
	direct := map[string]bool{}
	for _, name := range p.Direct() {
		direct[name] = true
	}
	var list []slipway.Dependency
	var components []cyclonedx.Component
	for _, d := range installed {
		name := normal(d.name)
		list = append(list, slipway.Dependency{Name: name, Version: d.version, Direct: direct[name]})
		purl := "pkg:pypi/" + name + "@" + d.version
		c := cyclonedx.Component{Type: cyclonedx.ComponentTypeLibrary, BOMRef: purl, Name: d.name, Version: d.version, PackageURL: purl, Description: d.summary}
		if d.licence != "" {
			c.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{Name: d.licence}}}
		}
		components = append(components, c)
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "dependencies.json"), text, 0o644); err != nil {
		return disk(err, "the list of dependencies can't be written")
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{Type: cyclonedx.ComponentTypeApplication, Name: firstOf(p.Name, filepath.Base(source))}}
	bom.Components = &components
	f, err := os.Create(filepath.Join(dir, "sbom.json"))
	if err != nil {
		return disk(err, "the SBOM can't be written")
	}
	defer f.Close()
	encoder := cyclonedx.NewBOMEncoder(f, cyclonedx.BOMFileFormatJSON)
	encoder.SetPretty(true)
	return disk(encoder.Encode(bom), "the SBOM can't be written")
}

// distributions reads the metadata of what is installed, sorted by name.
func distributions(venv string) ([]distribution, error) {
	files, err := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages", "*.dist-info", "METADATA"))
	if err != nil {
		return nil, err
	}
	all := []distribution{}
	for _, file := range files {
		f, err := openMade(file)
		if err != nil {
			return nil, err
		}
		// Metadata has the form of mail headers; what a broken one still tells
		// is used.
		header, _ := textproto.NewReader(bufio.NewReader(f)).ReadMIMEHeader()
		_ = f.Close()
		d := distribution{name: header.Get("Name"), version: header.Get("Version"), summary: clip(header.Get("Summary"), 200)}
		if d.licence = header.Get("License-Expression"); d.licence == "" {
			d.licence = clip(header.Get("License"), 100)
		}
		if d.name != "" {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b distribution) int { return strings.Compare(normal(a.name), normal(b.name)) })
	return all, nil
}

// normal is the form of a name in which names are compared (PEP 503).
func normal(name string) string {
	var b strings.Builder
	dash := false
	for _, c := range strings.ToLower(name) {
		if c == '-' || c == '_' || c == '.' {
			dash = true
			continue
		}
		if dash {
			b.WriteByte('-')
			dash = false
		}
		b.WriteRune(c)
	}
	return b.String()
}

func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "..."
	}
	return s
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
