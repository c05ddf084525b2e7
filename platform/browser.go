package platform

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway"
)

// maxKnown is of how many accounts a browser is known to be.
const maxKnown = 4

// A browser that somebody has signed in with keeps, for each account, which one
// it is, until when, and a seal that only this platform makes:
// ACCOUNT.BROWSER.UNTIL.SEAL, several with ~ between them. Whoever steals it may
// guess as often as from an address of his own, and no more.
type kept struct {
	account int
	browser string
	until   int64
}

func (k kept) text() string {
	return strconv.Itoa(k.account) + "." + k.browser + "." + strconv.FormatInt(k.until, 10)
}

// keptBy reads what a browser has kept and is still good.
func keptBy(key []byte, browser slipway.Secret) []kept {
	text := browser.Reveal()
	if text == "" || len(text) > 1000 {
		return nil
	}
	var list []kept
	for one := range strings.SplitSeq(text, "~") {
		parts := strings.Split(one, ".")
		if len(parts) != 4 {
			continue
		}
		account, err := strconv.Atoi(parts[0])
		until, err2 := strconv.ParseInt(parts[2], 10, 64)
		k := kept{account, parts[1], until}
		if err != nil || err2 != nil || !hmac.Equal([]byte(keyed(key, "browser", k.text())), []byte(parts[3])) || time.Now().Unix() > until {
			continue
		}
		list = append(list, k)
	}
	return list
}

// browserOf is by what a browser's guesses at an account are counted: "" when
// nobody has signed in to it there.
func (p *Platform) browserOf(ctx context.Context, browser slipway.Secret, accountID int) (string, error) {
	key, err := p.guessKey(ctx)
	if err != nil {
		return "", err
	}
	for _, k := range keptBy(key, browser) {
		if k.account == accountID {
			return "browser " + k.browser, nil
		}
	}
	return "", nil
}

// knownBrowser is what a browser keeps from now on: anew at each sign-in.
func (p *Platform) knownBrowser(ctx context.Context, before slipway.Secret, accountID int) (slipway.Secret, error) {
	key, err := p.guessKey(ctx)
	if err != nil {
		return slipway.Secret{}, err
	}
	list := []kept{{accountID, hex.EncodeToString(random(12)), time.Now().Add(knownFor).Unix()}}
	for _, k := range keptBy(key, before) {
		if k.account != accountID && len(list) < maxKnown {
			list = append(list, k)
		}
	}
	var out []string
	for _, k := range list {
		out = append(out, k.text()+"."+keyed(key, "browser", k.text()))
	}
	return slipway.NewSecret(strings.Join(out, "~")), nil
}
