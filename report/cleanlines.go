package report

import (
	"bytes"
	"io"

	"github.com/slipway-dev/slipway"
)

// cleanLines passes on what instances print, which comes in whole lines such as
// "web.1 | text", without what a terminal would carry out. A line that was drawn
// over is as many lines, each with its instance.
type cleanLines struct{ to io.Writer }

func (c cleanLines) Write(p []byte) (int, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(p) {
		instance, text, ok := bytes.Cut(line, []byte(" | "))
		if !ok {
			instance, text = nil, line
		}
		end := bytes.HasSuffix(text, []byte("\n"))
		text = []byte(slipway.CleanOutput(string(bytes.TrimRight(text, "\r\n"))))
		for k, part := range bytes.Split(text, []byte("\n")) {
			if k > 0 {
				out.WriteByte('\n')
			}
			if ok {
				out.WriteString(slipway.CleanOutput(string(instance)) + " | ")
			}
			out.Write(part)
		}
		if end {
			out.WriteByte('\n')
		}
	}
	if _, err := c.to.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}
