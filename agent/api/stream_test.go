package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/api/apitest"
	"xunjian/alerting"
	"xunjian/alerting/incident"
)

// message is one of a stream, or its greeting.
type message struct {
	id, event string
	hello     bool
	change    api.Change
}

// mark is the number in an id, by which the tests may compare.
func (m message) mark(t testing.TB) uint64 {
	t.Helper()
	_, n, _ := strings.Cut(m.id, "-")
	mark, err := strconv.ParseUint(n, 10, 64)
	if err != nil {
		t.Fatalf("id %q: %v", m.id, err)
	}
	return mark
}

// feed is an open stream.
type feed struct {
	t     testing.TB
	lines *bufio.Scanner
	body  io.Closer
}

// follow opens a stream as one who read up to the message lastID.
func (s *server) follow(lastID string) *feed {
	s.T.Helper()
	req := s.newRequest(access.Viewer, http.MethodGet, "/events")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream" {
		s.T.Fatalf("%d %s", resp.StatusCode, kind)
	}
	return &feed{s.T, bufio.NewScanner(resp.Body), resp.Body}
}

// next returns the next message; ok is false at the end of the stream.
func (f *feed) next() (m message, ok bool) {
	for f.lines.Scan() {
		name, value, _ := strings.Cut(f.lines.Text(), ": ")
		switch {
		case f.lines.Text() == "" && (m.hello || m.event != ""):
			return m, true
		case name == "" && value == "hello":
			m.hello = true
		case name == "id":
			m.id = value
		case name == "event":
			m.event = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &m.change); err != nil {
				f.t.Errorf("%v: %s", err, value)
			}
		}
	}
	return m, false
}

// must is next of a stream that has not ended.
func (f *feed) must() message {
	f.t.Helper()
	m, ok := f.next()
	if !ok {
		f.t.Fatal("the stream has ended")
	}
	return m
}

// Changes come in order, each with an id greater than the one before.
func TestStreamInOrder(t *testing.T) {
	s := onStage(serve(t))
	f := s.follow("")
	last := f.must()
	if !last.hello || last.id == "" {
		t.Fatalf("it begins with %+v", last)
	}
	for n := range 4 {
		i, err := s.Desk.Open(t.Context(), person, alerting.Report{Code: "F04", Title: fmt.Sprintf("call %d", n)})
		if err != nil {
			t.Fatal(err)
		}
		for told := false; !told; {
			m := f.must()
			if m.event != "change" || m.change.All || m.mark(t) <= last.mark(t) {
				t.Errorf("after %s came %+v", last.id, m)
			}
			told, last = slices.Contains(m.change.Incidents, i.ID), m
		}
		s.settle(i.ID)
	}
}

// A reader that comes again hears of all that it missed, and of nothing twice.
func TestStreamResumes(t *testing.T) {
	s := onStage(serve(t))
	// One that was cut off before it heard of anything has an id, too.
	f := s.follow("")
	last := f.must()
	for round := range 3 {
		f.body.Close()
		var missed []string
		for range 3 {
			missed = append(missed, s.open(alerting.Report{Code: "F04", Title: "while nobody listened"}))
		}
		f = s.follow(last.id)
		if hello := f.must(); hello.id != last.id {
			t.Errorf("round %d: the greeting has id %s, not yet %s", round, hello.id, last.id)
		}
		m := f.must()
		if !slices.Equal(m.change.Incidents, missed) || m.change.All {
			t.Errorf("round %d: told of %+v, missed %v", round, m.change, missed)
		}
		// Nothing happened since: another one who read as far is told nothing
		// before the next change.
		again := s.follow(m.id)
		again.must()
		into[api.Incident](s.as(access.Operator, "POST", "/incidents/"+missed[0]+"/comment", `{"text":"x"}`))
		for who, g := range map[string]*feed{"the same reader": f, "another reader": again} {
			if n := g.must(); !slices.Equal(n.change.Incidents, missed[:1]) || n.mark(t) != m.mark(t)+1 {
				t.Errorf("round %d: after %s %s heard %+v", round, m.id, who, n)
			}
		}
		last = message{id: m.id[:strings.IndexByte(m.id, '-')+1] + fmt.Sprint(m.mark(t)+1)}
	}
}

// What a reader cannot be told one by one it is told as "look at everything".
func TestStreamLost(t *testing.T) {
	s := onStage(serve(t))
	first := s.follow("").must()
	run, _, _ := strings.Cut(first.id, "-")
	for range 257 { // one more than are kept
		if _, err := s.Desk.Do(t.Context(), s.disk, 0, person, incident.Comment{Text: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{first.id, "ANOTHERRUN-1", run, run + "-", run + "-x", run + "--1", run + "-99999999999999999999", run + "-1000000", "7", "\u4e00"} {
		f := s.follow(id)
		f.must()
		m := f.must()
		if !m.change.All || len(m.change.Incidents) != 0 {
			t.Errorf("who read up to %q is told %+v", id, m.change)
		}
		// From there on it is as for any other.
		g := s.follow(m.id)
		g.must()
		if _, err := s.Desk.Do(t.Context(), s.disk, 0, person, incident.Comment{Text: "x"}); err != nil {
			t.Fatal(err)
		}
		if n := g.must(); n.change.All || !slices.Equal(n.change.Incidents, []string{s.disk}) {
			t.Errorf("after %s: %+v", m.id, n.change)
		}
		f.body.Close()
		g.body.Close()
	}
	// Ids of one server are not those of another on the same desk.
	other := serveWorld(s.World)
	f := other.follow(first.id)
	f.must()
	if m := f.must(); !m.change.All {
		t.Errorf("after a restart: %+v", m.change)
	}
}

// Two hundred readers all hear of a change. Half of them leave, the rest are
// sent away when the agent stops, and none leaves anything behind.
func TestManyStreams(t *testing.T) {
	w := apitest.New(t)
	s := serveWorld(w)
	before := goleak.IgnoreCurrent()
	const readers = 200
	feeds := make([]*feed, readers)
	var wg sync.WaitGroup
	for n := range feeds {
		wg.Go(func() {
			feeds[n] = s.follow("")
			feeds[n].must()
		})
	}
	wg.Wait()
	id := into[api.Incident](s.as(access.Operator, "POST", "/incidents", `{"code":"E01","title":"disk"}`)).ID
	for n, f := range feeds {
		wg.Go(func() {
			if m := f.must(); m.change.All || !slices.Equal(m.change.Incidents, []string{id}) {
				t.Errorf("reader %d heard %+v", n, m.change)
			}
			if n%2 == 0 {
				f.body.Close()
			}
		})
	}
	wg.Wait()
	close(w.Closing)
	for n, f := range feeds {
		wg.Go(func() {
			for more := n%2 == 1; more; {
				_, more = f.next()
			}
			f.body.Close()
		})
	}
	wg.Wait()
	goleak.VerifyNone(t, before)
}
