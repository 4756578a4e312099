package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"xunjian/agent/access"
	"xunjian/agent/api"
)

func (s *server) incident(id string) api.IncidentDetail {
	s.T.Helper()
	return into[api.IncidentDetail](s.as(access.Viewer, "GET", "/incidents/"+id, ""))
}

func (s *server) timeline(id string) []api.Event {
	s.T.Helper()
	return into[api.Timeline](s.as(access.Viewer, "GET", "/incidents/"+id+"/events", "")).Events
}

// comments are the remarks of a timeline, with who made each.
func comments(t *testing.T, line []api.Event) []string {
	t.Helper()
	var out []string
	for n, e := range line {
		if e.Version != n+1 {
			t.Errorf("event %d has version %d", n+1, e.Version)
		}
		if e.Kind != "commented" {
			continue
		}
		var data struct{ Text string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Actor.Name+": "+data.Text)
	}
	return out
}

// Every command takes the version that the caller saw: an old one is refused
// with the version of now, and changes nothing; with that one it is done.
func TestVersions(t *testing.T) {
	s := onStage(serve(t))
	for _, r := range commands() {
		path, body := s.fill(r)
		before := s.kept()
		e := s.as(access.Operator, r.method, path, with(t, body, "version", "1")).refused()
		if e.Status != 409 || e.Code != "changed_meanwhile" || e.Version < 2 {
			t.Errorf("%s on version 1: %d %s, now %d", r, e.Status, e.Code, e.Version)
			continue
		}
		if ahead := s.as(access.Operator, r.method, path, with(t, body, "version", fmt.Sprint(e.Version+1))).refused(); ahead.Code != "changed_meanwhile" || ahead.Version != e.Version {
			t.Errorf("%s on a version that is not there yet: %s, now %d", r, ahead.Code, ahead.Version)
		}
		if s.kept() != before {
			t.Errorf("%s was refused and changed something", r)
		}
		after := into[api.Incident](s.as(access.Operator, r.method, path, with(t, body, "version", fmt.Sprint(e.Version))))
		if after.Version <= e.Version {
			t.Errorf("%s on version %d came to %d", r, e.Version, after.Version)
		}
	}
}

// Two write at once on what both saw: exactly one wins. The other is told the
// version of now and says it again; then both are in the timeline, by name.
func TestTwoWriters(t *testing.T) {
	s := onStage(serve(t))
	for round := range 10 {
		id := s.fillID()
		seen := s.incident(id).Version
		answers := map[access.Role]answer{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		start := make(chan struct{})
		write := func(who access.Role, version int) answer {
			return s.as(who, "POST", "/incidents/"+id+"/comment", fmt.Sprintf(`{"text":"round %d","version":%d}`, round, version))
		}
		for _, who := range []access.Role{access.Operator, access.Admin} {
			wg.Go(func() {
				<-start
				a := write(who, seen)
				mu.Lock()
				defer mu.Unlock()
				answers[who] = a
			})
		}
		close(start)
		wg.Wait()
		winner, loser := access.Operator, access.Admin
		if answers[winner].status != 200 {
			winner, loser = loser, winner
		}
		won := into[api.Incident](answers[winner])
		e := answers[loser].refused()
		if won.Version != seen+1 || e.Status != 409 || e.Code != "changed_meanwhile" || e.Version != won.Version {
			t.Fatalf("round %d: %s came to %d, %s got %d %s, now %d; both saw %d", round, winner, won.Version, loser, e.Status, e.Code, e.Version, seen)
		}
		if a := write(loser, e.Version); a.status != 200 {
			t.Errorf("round %d: again: %d %s", round, a.status, a.body)
		}
		want := []string{fmt.Sprintf("the-%s: round %d", winner, round), fmt.Sprintf("the-%s: round %d", loser, round)}
		if got := comments(t, s.timeline(id)); !slices.Equal(got, want) {
			t.Errorf("round %d: the timeline has %q, want %q", round, got, want)
		}
	}
	s.whole()
}

// Many write until each has had its say: every remark is there once, and the
// chain is whole.
func TestManyWriters(t *testing.T) {
	s := onStage(serve(t))
	id := s.fillID()
	seen := s.incident(id).Version
	const writers = 12
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for version := seen; ; {
				a := s.as(access.Operator, "POST", "/incidents/"+id+"/comment", fmt.Sprintf(`{"text":"%02d","version":%d}`, n, version))
				if a.status == 200 {
					return
				}
				e := a.refused()
				if e.Code != "changed_meanwhile" || e.Version <= version {
					t.Errorf("writer %d with version %d: %d %s, now %d", n, version, e.Status, e.Code, e.Version)
					return
				}
				version = e.Version
			}
		})
	}
	wg.Wait()
	got := comments(t, s.timeline(id))
	slices.Sort(got)
	if len(got) != writers || len(slices.Compact(got)) != writers {
		t.Errorf("the timeline has %q", got)
	}
	if v := s.incident(id).Version; v != seen+writers {
		t.Errorf("version %d after %d remarks on %d", v, writers, seen)
	}
	// Without a version nobody loses: remarks do not contradict each other.
	for n := range writers {
		wg.Go(func() {
			if a := s.as(access.Operator, "POST", "/incidents/"+id+"/comment", fmt.Sprintf(`{"text":"again %02d"}`, n)); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	if got := comments(t, s.timeline(id)); len(got) != 2*writers {
		t.Errorf("%d remarks of %d: %q", len(got), 2*writers, got)
	}
	s.whole()
}

// whole holds that the chain of events is.
func (s *server) whole() {
	s.T.Helper()
	if v := into[api.Verification](s.as(access.Viewer, "GET", "/incidents/verify", "")); !v.Whole {
		s.T.Errorf("the chain is not whole: %q", v.Faults)
	}
}

// A report with a key opens one incident, however often and at once it comes,
// and even after that has ended.
func TestReportedOnce(t *testing.T) {
	s := serve(t)
	report := func(key, title string) string {
		return into[api.Incident](s.as(access.Operator, "POST", "/incidents", fmt.Sprintf(`{"key":%q,"code":"F04","title":%q}`, key, title))).ID
	}
	ids := make([]string, 50)
	var wg sync.WaitGroup
	for n := range ids {
		wg.Go(func() { ids[n] = report("call-1", fmt.Sprintf("caller %d", n)) })
	}
	wg.Wait()
	if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
		t.Fatalf("opened %v", slices.Compact(ids))
	}
	id := ids[0]
	s.settle(id)
	opened := s.timeline(id)
	if n := slices.IndexFunc(opened[1:], func(e api.Event) bool { return e.Kind == "opened" }); n >= 0 {
		t.Errorf("opened again by event %d", n+2)
	}
	into[api.Incident](s.as(access.Operator, "POST", "/incidents/"+id+"/resolve", `{"note":"done"}`))
	if got := report("call-1", "once more"); got != id {
		t.Errorf("after its end the key opened %s, not %s", got, id)
	}
	if now := s.incident(id); now.State != "resolved" || now.Version != len(opened)+1 {
		t.Errorf("the repeat moved it to %s, version %d", now.State, now.Version)
	}
	// Keys that look alike are others, and no key is none.
	all := []string{id, report("call-10", "x"), report("all-1", "x"), report("call_1", "x"), report("CALL-1", "x"), report("", "x"), report("", "x")}
	if slices.Sort(all); len(slices.Compact(all)) != 7 {
		t.Errorf("seven reports opened %v", slices.Compact(all))
	}
}
