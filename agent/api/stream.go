package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Change is one message of GET /events: something is not as it was.
type Change struct {
	// Incidents are the ids of those that changed; the alerts may have, too.
	Incidents []string `json:"incidents"`
	// All says that the list is not known (the reader lagged behind): look at
	// everything again.
	All bool `json:"all"`
}

const (
	// heartbeat is the pause after which a silent stream says that it lives:
	// shorter than the idle timeout of common proxies.
	heartbeat = 15 * time.Second
	// gather is how long changes are gathered into one message, so that a
	// storm of commits costs its readers little.
	gather = 250 * time.Millisecond
	// writeWithin is how long a reader may take to accept a message.
	writeWithin = 10 * time.Second
)

// stream sends server-sent events until the client leaves or the agent stops.
func (s *server) stream(c *call) (any, error) {
	if err := c.params().close(); err != nil {
		return nil, err
	}
	f := feed{w: c.w, ctl: http.NewResponseController(c.w)}
	// The server's deadline for reading a request would end the stream.
	if err := f.ctl.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("X-Accel-Buffering", "no") // nginx must not wait for more
	harden(c.w)
	changed := s.Desk.Changed()
	mark := s.seen(c.Header.Get("Last-Event-ID"))
	// A message without data sets the id only: a reader that is cut off before
	// the first change comes again from here.
	if err := f.say(fmt.Sprintf(": hello\nretry: 2000\nid: %s-%d\n\n", s.run, mark)); err != nil {
		return streamed{}, nil
	}
	mark, err := s.tell(f, mark)
	if err != nil {
		return streamed{}, nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-c.Context().Done():
			return streamed{}, nil
		case <-s.Closing:
			return streamed{}, nil
		case <-beat.C:
			err = f.say(": alive\n\n")
		case <-changed:
			if !s.pause(c, gather) {
				return streamed{}, nil
			}
			changed = s.Desk.Changed()
			mark, err = s.tell(f, mark)
		}
		if err != nil {
			return streamed{}, nil // the client is gone: nobody to tell
		}
	}
}

// pause waits; false means that the stream is over.
func (s *server) pause(c *call, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.Context().Done():
	case <-s.Closing:
	}
	return false
}

// nothingSeen is the mark of no Desk: everything since is "look at all again".
const nothingSeen = math.MaxUint64

// seen is the mark up to which a reader knows of all changes: that of now for
// one who begins, that of the last message for one who comes again. Marks of
// another run say nothing here.
func (s *server) seen(lastID string) uint64 {
	if lastID == "" {
		_, now, _ := s.Desk.ChangedSince(0)
		return now
	}
	run, n, _ := strings.Cut(lastID, "-")
	mark, err := strconv.ParseUint(n, 10, 64)
	if err != nil || run != s.run {
		return nothingSeen
	}
	return mark
}

// tell sends what changed since mark, if anything did, and returns the mark of
// now.
func (s *server) tell(f feed, mark uint64) (uint64, error) {
	ids, now, ok := s.Desk.ChangedSince(mark)
	if now == mark {
		return now, nil
	}
	body, err := json.Marshal(Change{Incidents: words(ids), All: !ok})
	if err != nil {
		return mark, err
	}
	return now, f.say(fmt.Sprintf("event: change\nid: %s-%d\ndata: %s\n\n", s.run, now, body))
}

// feed is a stream that is written through at once.
type feed struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
}

func (f feed) say(s string) error {
	// A reader that takes nothing is dropped, or it would hold its goroutine.
	if err := f.ctl.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := f.w.Write([]byte(s)); err != nil {
		return err
	}
	return f.ctl.Flush()
}
