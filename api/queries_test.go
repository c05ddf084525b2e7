package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/api/apitest"
	"github.com/slipway-dev/slipway/ent"
)

// unasked are the operations that tell of no rows, or stream.
var unasked = map[string]string{
	"followPromotion": "a stream", "getLogs": "a stream of the target's", "getReleaseSbom": "a file",
	"getBundle": "asked below: another one is what has more rows",
}

// TestReadingTakesABoundedNumberOfQueries asks every reading operation of the
// contract while there is one of everything, and again while there are nine: a
// row more must not mean a query more.
func TestReadingTakesABoundedNumberOfQueries(t *testing.T) {
	w := apitest.New(t)
	var queries atomic.Int32
	w.Storage.Client.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
		return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
			queries.Add(1)
			return next.Query(ctx, q)
		})
	}))
	server := unbounded(t, w)
	who, present := w.Token, w.InPerson("present")
	call := func(method, path, body string, want int) string {
		t.Helper()
		got := sent(server, method, "/api/v1"+path, body, http.Header{"Authorization": {"Bearer " + who}})
		if got.Code != want {
			t.Fatalf("%s %s %s: %d %s", method, path, body, got.Code, got.Body)
		}
		return got.Body.String()
	}
	more := func(i int) {
		service, team, account := fmt.Sprintf("service-%d", i), fmt.Sprintf("team-%d", i), fmt.Sprintf("account-%d", i)
		call("POST", "/teams", `{"name":"`+team+`"}`, 201)
		call("POST", "/accounts", `{"name":"`+account+`","kind":"service"}`, 201)
		call("PUT", "/teams/team-0/members/"+account, `{"role":"developer"}`, 200)
		call("PUT", "/teams/"+team+"/members/account-0", `{"role":"developer"}`, 200)
		call("POST", "/tokens", `{"name":"ours","scopes":["read"]}`, 201)
		call("POST", "/services", `{"url":"https://git.example.com/a.git","name":"`+service+`","team":"team-0"}`, 201)
		call("POST", "/services/service-0/trusts", fmt.Sprintf(`{"name":"ci-%d","issuer":"https://ci.example.com","audience":"slipway","subject":"a:%d","scopes":["promote:dev"]}`, i, i), 201)
		call("POST", "/freezes", `{"reason":"holidays","environment":"prod","starts_at":"2099-01-01T00:00:00Z","ends_at":"2099-01-02T00:00:00Z"}`, 201)
		call("POST", "/services/service-0/environments/prod/domains", fmt.Sprintf(`{"name":"shop-%d.example.com"}`, i), 201)
		call("PUT", "/services/"+service+"/environments/prod/hold", `{"reason":"looked at"}`, 200)
		call("PUT", "/services/service-0/secrets/KEY_"+fmt.Sprint(i), `{"value":"hunter2-hunter2"}`, 200)
		call("PATCH", "/services/service-0/config", fmt.Sprintf(`{"layer":"service","set":{"LEVEL_%d":"7"}}`, i), 200)
		call("POST", "/teams/team-0/webhooks", fmt.Sprintf(`{"url":"https://hooks.example.com/%d","events":["promotion.*"]}`, i), 201)
		call("POST", "/teams/team-0/webhooks/1/ping", "", 202)
		who = present
		call("POST", "/providers", fmt.Sprintf(`{"name":"sso-%d","display_name":"SSO","issuer":"https://sso-%d.example.com","client_id":"a","client_secret":"hunter2-hunter2"}`, i, i), 201)
		who = w.Token
		for _, to := range []string{service, "service-0"} {
			for _, environment := range []string{"dev", "test"} {
				var made struct{ ID int }
				if err := json.Unmarshal([]byte(call("POST", "/services/"+to+"/promotions", `{"environment":"`+environment+`"}`, 202)), &made); err != nil {
					t.Fatal(err)
				}
				call("GET", fmt.Sprintf("/promotions/%d/events", made.ID), "", 200) // until it has ended
			}
		}
	}
	place := strings.NewReplacer("{service}", "service-0", "{environment}", "dev", "{team}", "team-0", "{account}", "account-0", "{promotion}", "1", "{step}", "build",
		"{webhook}", "1", "{delivery}", "1", "{release}", "1", "{bundle}", "1", "{provider}", "sso-0", "{number}", "1")
	count := func() map[string]int32 {
		counts := map[string]int32{}
		for path, item := range spec(t).Paths.Map() {
			if item.Get == nil || unasked[item.Get.OperationID] != "" {
				continue
			}
			at := place.Replace(path)
			for range 2 { // what is kept in memory is kept the second time
				queries.Store(0)
				got := sent(server, "GET", "/api/v1"+at, "", http.Header{"Authorization": {"Bearer " + w.Token}})
				counts[item.Get.OperationID] = queries.Load()
				if got.Code != http.StatusOK {
					t.Errorf("%s %s: %d %s", item.Get.OperationID, at, got.Code, got.Body)
				}
			}
		}
		return counts
	}
	more(0)
	few := count()
	for i := range 8 {
		more(i + 1)
	}
	many := count()
	for name := range many {
		if many[name] != few[name] {
			t.Errorf("%s takes %d queries for few rows and %d for many", name, few[name], many[name])
		}
	}
	bundled := func(n int) int32 {
		services := make([]string, n)
		for i := range services {
			services[i] = fmt.Sprintf(`{"service":"service-%d"}`, i)
		}
		var made struct{ ID int }
		if err := json.Unmarshal([]byte(call("POST", "/bundles", `{"environment":"dev","promotions":[`+strings.Join(services, ",")+`]}`, 202)), &made); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			call("GET", fmt.Sprintf("/promotions/%d/events", made.ID+i), "", 200) // until it has ended
		}
		queries.Store(0)
		call("GET", fmt.Sprintf("/bundles/%d", made.ID), "", 200)
		return queries.Load()
	}
	if few, many := bundled(2), bundled(8); few != many {
		t.Errorf("getBundle takes %d queries for two promotions and %d for eight", few, many)
	}
	t.Log(many)
}
