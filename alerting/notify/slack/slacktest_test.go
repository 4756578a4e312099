package slack_test

import (
	"encoding/json"
	"html"
	"net/http"
	"slices"
	"sync"
	"testing"

	api "github.com/slack-go/slack"
	"github.com/slack-go/slack/slacktest"

	"xunjian/alerting/notify/notifytest"
	"xunjian/alerting/notify/slack"
)

// The library's own test server passes what is posted on to a client of the
// real-time API, which is the reader here. It knows no chat.update and no
// metadata.
func TestContractAtSlacktest(t *testing.T) {
	notifytest.Run(t, func(t *testing.T) notifytest.Place {
		server := slacktest.NewTestServer(func(c slacktest.Customize) {
			c.Handle("/chat.update", func(w http.ResponseWriter, r *http.Request) {
				r.ParseForm()
				json.NewEncoder(w).Encode(object{"ok": true, "channel": r.Form.Get("channel"), "ts": r.Form.Get("ts"), "text": r.Form.Get("text")})
			})
		})
		server.Start()
		t.Cleanup(server.Stop)
		var mu sync.Mutex
		var got []notifytest.Arrival
		rtm := server.GetTestRTMInstance()
		go rtm.ManageConnection()
		connected, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			for e := range rtm.IncomingEvents {
				switch e := e.Data.(type) {
				case *api.ConnectedEvent:
					close(connected)
				case *api.MessageEvent:
					raw, _ := json.Marshal(e.Blocks.BlockSet)
					var blocks []object
					json.Unmarshal(raw, &blocks)
					mu.Lock()
					got = append(got, notifytest.Arrival{Text: html.UnescapeString(words(blocks))})
					mu.Unlock()
				case *api.DisconnectedEvent:
					if e.Intentional {
						return
					}
				}
			}
		}()
		<-connected
		t.Cleanup(func() { rtm.Disconnect(); <-over })
		place := func(address string) *slack.Slack {
			return open(t, config(t, address), slack.Options{Memory: newStore(), Actions: newDesk(note(0))})
		}
		return notifytest.Place{
			Channel: place(server.GetAPIURL()), Refused: place("http://127.0.0.1:1/"), Silent: place(silent(t)), Once: true, Secrets: []string{botToken, appToken, signing},
			Arrived: func(*testing.T) []notifytest.Arrival { mu.Lock(); defer mu.Unlock(); return slices.Clone(got) },
		}
	})
}
