package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"xunjian/agent/access"
	"xunjian/agent/api"
)

// Every reader hears of a change, none costs a goroutine after it left.
func TestStream(t *testing.T) {
	s := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	const readers = 100
	var heard, ready atomic.Int32
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			req, _ := http.NewRequestWithContext(ctx, "GET", s.base+api.Prefix+"/events", nil)
			req.Header.Set("Authorization", "Bearer "+s.tokens[access.Viewer])
			tr := &http.Transport{DisableKeepAlives: true}
			resp, err := (&http.Client{Transport: tr}).Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			sc := bufio.NewScanner(resp.Body)
			for sc.Scan() {
				if strings.HasPrefix(sc.Text(), ": hello") {
					ready.Add(1)
				}
				body, ok := strings.CutPrefix(sc.Text(), "data: ")
				if !ok {
					continue
				}
				var c api.Change
				if err := json.Unmarshal([]byte(body), &c); err != nil {
					t.Errorf("%v: %s", err, body)
				}
				if c.All || len(c.Incidents) == 1 {
					heard.Add(1)
					return
				}
			}
		})
	}
	for ready.Load() < readers && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	s.as(access.Operator, "POST", "/incidents", `{"code":"E01","title":"disk"}`)
	wg.Wait()
	if heard.Load() != readers {
		t.Errorf("%d of %d readers heard of it", heard.Load(), readers)
	}
}
