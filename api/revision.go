package api

import (
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/store"
)

// etag is the tag of a thing at a revision.
func etag(revision int) string { return tagged(strconv.Itoa(revision)) }

func tagged(revision string) string { return `"` + revision + `"` }

// onlyIf reads If-Match (RFC 9110, 13.1.1). Weak tags match nothing, and * is
// met by whatever is there, which the operation finds out anyway.
func onlyIf(header string) store.Precondition {
	var only store.Precondition
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		switch {
		case tag == "":
			continue
		case tag == "*":
			return nil
		case len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"':
			only = append(only, tag[1:len(tag)-1])
		default:
			only = append(only, "") // which nothing has
		}
	}
	return only
}
