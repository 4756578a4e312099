package agent_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"xunjian/alerting/incident"
)

// oracle notes every answer that the agent gave, outside of the agent.
type oracle struct {
	mu     sync.Mutex
	facts  []fact
	opened map[string]string // report key → incident id
	live   []string          // ids to work on
	nonce  int
}

// fact is one acknowledged change: the incident's timeline must hold an event
// of this kind with this note at this version, for ever.
type fact struct {
	id      string
	version int
	kind    string
	note    string
}

// TestKill kills the agent at random instants while incidents are opened,
// acknowledged, commented and resolved through the API. Whatever was answered
// must be there afterwards, once, and the chain whole. XUNJIAN_FAULTS sets the
// number of cycles (make faults).
func TestKill(t *testing.T) {
	cycles := 200
	if s := os.Getenv("XUNJIAN_FAULTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("XUNJIAN_FAULTS=%q: want a number of cycles", s)
		}
		cycles = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	data := t.TempDir()
	o := &oracle{opened: map[string]string{}}
	checked := 0
	for n := range cycles {
		p := start(t, data)
		if rnd.IntN(10) == 0 {
			// Some die while they start.
			time.Sleep(time.Duration(rnd.IntN(400)) * time.Millisecond)
			p.kill()
			continue
		}
		p.ready(t)
		checked = o.check(t, p, checked)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			worker := rand.New(rand.NewPCG(rnd.Uint64(), 2))
			wg.Go(func() { o.work(p, worker, stop) })
		}
		time.Sleep(time.Duration(rnd.IntN(250)) * time.Millisecond)
		p.kill()
		close(stop)
		wg.Wait()
		if t.Failed() {
			t.Fatalf("cycle %d", n)
		}
	}
	p := start(t, data)
	p.ready(t)
	o.check(t, p, 0)
	o.checkOnce(t, p)
	var report struct {
		Events int64    `json:"events"`
		Faults []string `json:"faults"`
	}
	p.get(t, "/api/v1/incidents/verify", &report)
	if len(report.Faults) > 0 {
		t.Errorf("the chain is broken: %v", report.Faults)
	}
	t.Logf("%d cycles: %d acknowledged changes of %d incidents, %d events in the chain", cycles, len(o.facts), len(o.opened), report.Events)
	if len(o.facts) < cycles {
		t.Errorf("only %d changes were acknowledged in %d cycles: this proves little", len(o.facts), cycles)
	}
}

// work makes random changes until the agent is gone.
func (o *oracle) work(p *process, rnd *rand.Rand, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		id := o.pick(rnd)
		var gone bool
		switch {
		case id == "" || rnd.IntN(4) == 0:
			gone = o.open(p)
		default:
			actions := []struct{ path, kind string }{
				{"acknowledge", "acknowledged"}, {"comment", "commented"}, {"resolve", "resolved"}, {"reopen", "reopened"},
			}
			a := actions[rnd.IntN(len(actions))]
			gone = o.act(p, id, a.path, a.kind)
		}
		if gone {
			return
		}
	}
}

func (o *oracle) pick(rnd *rand.Rand) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.live) == 0 {
		return ""
	}
	return o.live[rnd.IntN(len(o.live))]
}

func (o *oracle) next() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.nonce++
	return fmt.Sprintf("n%d", o.nonce)
}

// open reports an incident, and reports it again with the same key: a second
// answer must name the same incident.
func (o *oracle) open(p *process) (gone bool) {
	key := o.next()
	in := map[string]any{"key": key, "code": "F00", "title": "report " + key}
	var answer struct {
		ID string `json:"id"`
	}
	for range 2 {
		status, body, err := p.call("POST", "/api/v1/incidents", in)
		if err != nil || status/100 != 2 || json.Unmarshal(body, &answer) != nil {
			return err != nil
		}
		o.mu.Lock()
		if had, ok := o.opened[key]; !ok {
			o.opened[key] = answer.ID
			o.live = append(o.live, answer.ID)
			o.live = o.live[max(0, len(o.live)-20):]
			o.facts = append(o.facts, fact{answer.ID, 1, "opened", "report " + key})
		} else if had != answer.ID {
			o.facts = append(o.facts, fact{had, -1, "doubled as " + answer.ID, key})
		}
		o.mu.Unlock()
	}
	return false
}

func (o *oracle) act(p *process, id, path, kind string) (gone bool) {
	note := o.next()
	field := map[string]string{"acknowledge": "note", "comment": "text", "resolve": "note", "reopen": "reason"}[path]
	status, body, err := p.call("POST", "/api/v1/incidents/"+id+"/"+path, map[string]any{field: note})
	if err != nil {
		return true
	}
	var answer struct {
		Version int `json:"version"`
	}
	if status != 200 || json.Unmarshal(body, &answer) != nil {
		return false // refused: acknowledged twice, and the like
	}
	o.mu.Lock()
	o.facts = append(o.facts, fact{id, answer.Version, kind, note})
	o.mu.Unlock()
	return false
}

// check asks the agent for every fact from number from on, and returns how
// many there are.
func (o *oracle) check(t *testing.T, p *process, from int) int {
	t.Helper()
	timelines := map[string][]incident.Event{}
	for _, f := range o.facts[from:] {
		events, ok := timelines[f.id]
		if !ok {
			var answer struct {
				Events []incident.Event `json:"events"`
			}
			p.get(t, "/api/v1/incidents/"+f.id+"/events", &answer)
			events = answer.Events
			timelines[f.id] = events
		}
		if f.version < 1 || f.version > len(events) {
			t.Errorf("%s: acknowledged %s %q at version %d is missing; there are %d events", f.id, f.kind, f.note, f.version, len(events))
			continue
		}
		e := events[f.version-1]
		if e.Version != f.version || e.Data.Kind() != f.kind || noteOf(e.Data) != f.note {
			t.Errorf("%s: version %d should be %s %q, is %s %q", f.id, f.version, f.kind, f.note, e.Data.Kind(), noteOf(e.Data))
		}
	}
	return len(o.facts)
}

func noteOf(d incident.Data) string {
	switch d := d.(type) {
	case incident.Opened:
		return d.Title.EN
	case incident.Acknowledged:
		return d.Note
	case incident.Commented:
		return d.Text
	case incident.Resolved:
		return d.Note
	case incident.Reopened:
		return d.Reason
	}
	return ""
}

// checkOnce looks for incidents that stand twice.
func (o *oracle) checkOnce(t *testing.T, p *process) {
	t.Helper()
	keys := map[string]string{}
	for offset := 0; ; offset += 500 {
		var answer struct {
			Incidents []struct{ ID, Key string } `json:"incidents"`
		}
		p.get(t, fmt.Sprintf("/api/v1/incidents?limit=500&offset=%d", offset), &answer)
		for _, i := range answer.Incidents {
			if other, ok := keys[i.Key]; ok {
				t.Errorf("key %s has two incidents: %s and %s", i.Key, i.ID, other)
			}
			keys[i.Key] = i.ID
		}
		if len(answer.Incidents) < 500 {
			break
		}
	}
	for key, id := range o.opened {
		if keys["report/"+key] != id {
			t.Errorf("report %s was answered with %s, the list has %q", key, id, keys["report/"+key])
		}
	}
}
