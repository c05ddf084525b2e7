package service

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway"
	"github.com/slipway-dev/slipway/ent"
	"github.com/slipway-dev/slipway/report"
	"github.com/slipway-dev/slipway/store"
	"github.com/slipway-dev/slipway/web/shell"
	"github.com/slipway-dev/slipway/web/words"
)

// activityList is a page of what happened.
type activityList struct {
	store.List[*ent.Event]
	Cursor string
}

func (p *pages) showActivity(c *shell.Call) error {
	last, err := p.Feed.Last(c.Ctx)
	if err != nil {
		return err
	}
	v, err := p.serviceOf(c, "activity")
	if err != nil {
		return err
	}
	l := activityList{Cursor: c.Query("after")}
	if l.List, err = p.worthTelling(c, v.Name, l.Cursor); err != nil {
		return err
	}
	if c.Fragment() == "activity" {
		return c.Show(http.StatusOK, activityCard(v, l))
	}
	return c.Show(http.StatusOK, activityPage(c.Frame("Activity of "+v.Name, "overview").WithStream(string(words.Path("services", v.Name, "live")), strconv.Itoa(last)), v, l))
}

// worthTelling lists the events that people look for: what somebody did, and
// how things ended. What a promotion went through stands on its own page.
func (p *pages) worthTelling(c *shell.Call, service, cursor string) (store.List[*ent.Event], error) {
	const enough, pages = 20, 10
	out := store.List[*ent.Event]{Next: cursor}
	for range pages {
		list, err := p.Events(c.Ctx, report.EventsQuery{Service: service, Page: store.Page{Cursor: out.Next, Limit: 100}})
		if err != nil {
			return out, err
		}
		for _, e := range list.Items {
			switch {
			case e.Kind == "promotion.step", e.Kind == "deployment.serving", e.Kind == "deployment.verified", e.Kind == "release.built":
			case e.Kind == "promotion.state" && !slipway.PromotionState(e.Data["state"]).Over():
			default:
				out.Items = append(out.Items, e)
			}
		}
		if out.Next = list.Next; out.Next == "" || len(out.Items) >= enough {
			break
		}
	}
	return out, nil
}

// feedItem is an event as people read it.
type feedItem struct {
	words.State
	Title, Note, URL string
}

// told turns an event into words.
func told(e *ent.Event) feedItem {
	item := feedItem{State: words.Toned("idle", ""), Note: "by " + e.Actor}
	in := ""
	if e.Environment != "" {
		in = " in " + e.Environment
	}
	if e.PromotionID != nil {
		item.URL = string(words.Path("promotions", *e.PromotionID))
	}
	switch e.Kind {
	case "promotion.requested":
		item.State, item.Title = words.Toned("run", ""), "Promotion "+words.Number(*e.PromotionID)+" to "+e.Environment+" asked for"
		item.Icon = "arrow"
	case "promotion.cancel_requested":
		item.Title = "Promotion " + words.Number(*e.PromotionID) + " to " + e.Environment + " asked to stop"
	case "promotion.state":
		item.State = words.PromotionWords(slipway.PromotionState(e.Data["state"]), slipway.StepName(e.Data["step"]), false)
		item.Title, item.Note = "Promotion "+words.Number(*e.PromotionID)+" to "+e.Environment+": "+strings.ToLower(item.Word), e.Data["reason"]
	case "promotion.step":
		item.Title, item.Note = words.StepWord(slipway.StepName(e.Data["step"]))+" "+e.Data["state"]+in, e.Data["reason"]
	case "service.registered":
		item.State, item.Title = words.Toned("ok", ""), "Registered"
	case "service.changed":
		item.Title = "Settings changed: " + keysOf(e.Data, "")
	case "config.changed":
		item.Title = "Config changed" + in + ": " + configWords(e.Data)
	case "secret.set":
		item.Title, item.Icon = "Secret "+e.Data["name"]+" set"+in, "lock"
	case "secret.removed":
		item.Title, item.Icon = "Secret "+e.Data["name"]+" removed"+in, "lock"
	case "domain.added":
		item.Title = "Host name " + e.Data["name"] + " added" + in
	case "domain.moved":
		item.Title = "Links and checks use " + e.Data["first"] + in
	case "domain.removed":
		item.Title = "Host name " + e.Data["name"] + " removed" + in
	default:
		item.Title = words.Capital(strings.NewReplacer(".", " ", "_", " ").Replace(e.Kind)) + in
	}
	return item
}

// keysOf lists the keys of an event's data that begin with a prefix, without it.
func keysOf(data map[string]string, prefix string) string {
	var keys []string
	for key := range data {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func configWords(data map[string]string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(data)) {
		name, ok := strings.CutPrefix(key, "set ")
		if !ok {
			continue
		}
		switch value := data[key]; {
		case value == "[secret]":
			list = append(list, name+" set")
		case value == "":
			list = append(list, name+" set to nothing")
		default:
			list = append(list, name+" set to "+words.Clip(value, 60))
		}
	}
	if unset := keysOf(data, "unset "); unset != "" {
		list = append(list, unset+" unset")
	}
	return strings.Join(list, "; ")
}

func (p *pages) followService(c *shell.Call) error {
	return p.FollowEvents(c, c.R.PathValue("service"))
}
