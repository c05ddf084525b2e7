package slipway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DeliveryState is how a message to a webhook stands.
type DeliveryState string

const (
	DeliveryPending   DeliveryState = "pending"   // not taken yet; attempts go on
	DeliverySucceeded DeliveryState = "succeeded" // the receiver answered with success
	DeliveryFailed    DeliveryState = "failed"    // given up
)

// DeliveryStates lists them all, for enums.
var DeliveryStates = []DeliveryState{DeliveryPending, DeliverySucceeded, DeliveryFailed}

// EventPing is a message that somebody asked for, to try a webhook.
const EventPing = "ping"

// EventStep is a change of a step. There are dozens in a promotion, so a webhook
// hears of them only when it names this kind in full.
const EventStep = "promotion.step"

// EventKinds are the kinds of events about services: what webhooks can ask for.
var EventKinds = []string{
	"promotion.requested", "promotion.state", EventStep, "promotion.approve", "promotion.reject", "promotion.exempt", "promotion.break_glass",
	"promotion.cancel_requested", "promotion.plan_moved", "promotion.reminder", "promotion.not_advanced",
	"release.built",
	"deployment." + string(DeploymentServing), "deployment." + string(DeploymentVerified), "deployment." + string(DeploymentReverted),
	"deployment." + string(ConditionDrifted), "deployment." + string(ConditionCrashes), "deployment." + string(ConditionDown), "deployment.recovered", "deployment.adopted", "deployment.ended",
	"service.registered", "service.changed", "service.removed",
	"config.changed", "secret.set", "secret.removed", "policy.changed", "hold.placed", "hold.released", "domain.added", "domain.moved", "domain.removed", "trust.added",
}

// asksFor tells whether one entry of a filter means a kind.
func asksFor(entry, kind string) bool {
	if beginning, ok := strings.CutSuffix(entry, "*"); ok {
		return kind != EventStep && strings.HasPrefix(kind, beginning)
	}
	return entry == kind
}

// AsksFor tells whether a webhook's filter means a kind. An empty one means all
// but steps.
func AsksFor(filter []string, kind string) bool {
	if len(filter) == 0 {
		return kind != EventStep
	}
	return slices.ContainsFunc(filter, func(entry string) bool { return asksFor(entry, kind) })
}

// CheckFilter refuses what would never fit: a typing error must not look like
// silence.
func CheckFilter(field string, filter []string) error {
	if len(filter) > 30 {
		return Errorf(Invalid, "more than 30 kinds are too many; use promotion.*, or none for all").At(field)
	}
	for _, entry := range filter {
		noun, verb, _ := strings.Cut(entry, ".")
		starred := strings.Contains(entry, "*") && (noun == "" || verb != "*")
		if starred || !slices.ContainsFunc(EventKinds, func(kind string) bool { return asksFor(entry, kind) }) {
			return Errorf(Invalid, "%q is no kind of event; give one such as promotion.state, or all of a noun such as promotion.*", printable(entry)).At(field)
		}
	}
	return nil
}

// Message is what a webhook is sent, as JSON. Fields are added and never renamed
// or removed. It holds no secrets and no values of settings.
type Message struct {
	ID          string            `json:"id"` // the same at every attempt, and when it is sent again
	Kind        string            `json:"kind"`
	CreatedAt   time.Time         `json:"created_at"`
	Team        string            `json:"team"`
	Service     string            `json:"service"`     // "" for a ping
	Environment string            `json:"environment"` // "" where none is concerned
	Actor       string            `json:"actor"`
	Reason      string            `json:"reason"` // of the event itself; "" for none
	Promotion   *MessagePromotion `json:"promotion"`
	Step        *MessageStep      `json:"step,omitempty"` // of promotion.step
}

// MessagePromotion is the promotion that a message is about, as it stood then.
type MessagePromotion struct {
	ID      int    `json:"id"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Release int    `json:"release"` // 0 before it is built
	URL     string `json:"url"`     // its page in the portal
}

// MessageStep is the step that a message is about.
type MessageStep struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Attempt int    `json:"attempt"`
}

// SigningPrefix begins the text of a webhook's secret; what follows is base64.
const SigningPrefix = "whsec_"

// Sign is the signature of a message by the Standard Webhooks convention:
// HMAC-SHA256 of its id, the moment it is sent, and its body. secret is the
// text that the receiver has; one that isn't of that form is Invalid.
func Sign(secret Secret, id string, sent time.Time, body []byte) (string, error) {
	text, ok := strings.CutPrefix(secret.Reveal(), SigningPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < 16 {
		return "", Errorf(Invalid, "the webhook's secret can't be read; make a new one: slipway webhook rotate")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(sent.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// Letter is a message on its way to a receiver.
type Letter struct {
	URL     string
	ID      string
	Body    []byte
	Secrets []Secret // each signs: while one is replaced, the one before still does
}

// Answer is what a receiver said to a letter.
type Answer struct {
	Status int
	After  time.Duration // it asks not to be called again earlier; 0 for no wish
}

// Courier carries messages to addresses that users gave. Both methods may be
// called at once.
type Courier interface {
	// Check refuses, as Invalid or Refused, an address to which no call may be
	// made; one whose host isn't found is Unavailable.
	Check(ctx context.Context, url string) error
	// Send posts a letter once and returns the answer, whatever its status; it
	// follows no redirect. Refused says that no call may be made to where the
	// address leads now, Unavailable that there was no answer. Its errors name no
	// more of the address than the host: the rest may be a secret of the receiver.
	Send(ctx context.Context, l Letter) (Answer, error)
}

// How deliveries are tried: 15 times within a day, from a second on, three
// times as long after each, four hours at most.
const (
	DeliveryTries   = 15
	DeliveryFirst   = time.Second
	DeliveryFactor  = 3
	DeliveryLongest = 4 * time.Hour
	// DeliveryBound is more than one attempt takes.
	DeliveryBound = time.Minute
)

// DeliveryPause is how long a delivery waits after an attempt that failed: the
// receiver may ask for longer than the back-off, never for shorter.
func DeliveryPause(attempt int, asked time.Duration) time.Duration {
	pause := DeliveryFirst
	for i := 1; i < attempt && pause < DeliveryLongest; i++ {
		pause *= DeliveryFactor
	}
	return min(max(pause, asked), DeliveryLongest)
}
