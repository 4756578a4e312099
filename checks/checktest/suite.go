package checktest

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"xunjian/checks"
)

// suite collects the faults of one check.
type suite struct {
	soon     time.Duration
	messages fs.FS
	broken   []func() checks.Check

	// retired ends what the checks have going in the background.
	retired []func()

	name   string
	texts  map[string]texts
	faults []string
}

func (s *suite) faultf(format string, args ...any) {
	fault := s.name + ": " + fmt.Sprintf(format, args...)
	if !slices.Contains(s.faults, fault) {
		s.faults = append(s.faults, fault)
	}
}

// serving has the background of each check served, as a Runner does.
func (s *suite) serving(fresh func() checks.Check) func() checks.Check {
	return func() checks.Check {
		c := fresh()
		b, ok := c.(checks.Background)
		if !ok {
			return c
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Serve(ctx, func() {})
		}()
		s.retired = append(s.retired, func() {
			cancel()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				s.faultf("its Serve goes on for 20s after its context has ended")
			}
		})
		return c
	}
}

// retire ends the backgrounds.
func (s *suite) retire() {
	for _, end := range s.retired {
		end()
	}
	s.retired = nil
}

// identity holds name and rhythm.
func (s *suite) identity(c, twin checks.Check) {
	if err := checks.ValidateName(c.Name()); err != nil {
		s.faultf("%v", err)
	}
	if c.Name() != twin.Name() {
		s.faultf("another one made the same way is named %s", twin.Name())
	}
	if wish, ok := c.(checks.Scheduled); ok {
		if err := wish.Schedule().Validate(); err != nil {
			s.faultf("its schedule: %v", err)
		}
	}
}

// look runs c once and judges what it yields.
func (s *suite) look(ctx context.Context, c checks.Check) checks.Result {
	res := checks.RunOnce(ctx, c, time.Now())
	s.unbroken(res)
	if len(res.Samples) == 0 && len(res.Findings) == 0 {
		s.faultf("yields neither samples nor findings: that would count as ok")
	}
	s.samples(res)
	s.findings(res)
	return res
}

// unbroken holds that the run ended by itself.
func (s *suite) unbroken(res checks.Result) {
	for _, f := range res.Findings {
		switch f.Code {
		case "check.panic":
			s.faultf("panics: %v\n%s", f.Args["error"], f.Evidence)
		case "check.hung", "check.timeout":
			s.faultf("%s: %s", f.Code, res.Error)
		case "check.dropped":
			s.faultf("yields %v series or findings over its limit of %v series", f.Args["dropped"], f.Args["limit"])
		}
	}
}

// again holds that a second run is as good as the first.
func (s *suite) again(first, second checks.Result) {
	if first.Success() && !second.Success() {
		s.faultf("the second run fails: %s", second.Error)
	}
	known := map[string][]*checks.Desc{}
	for _, sm := range first.Samples {
		key := fmt.Sprint(sm.Desc.Name, sm.Desc.Labels)
		known[key] = append(known[key], sm.Desc)
	}
	for _, sm := range second.Samples {
		key := fmt.Sprint(sm.Desc.Name, sm.Desc.Labels)
		if had := known[key]; len(had) > 0 && !slices.Contains(had, sm.Desc) {
			s.faultf("makes a new Desc of %s in each run; Descs are compared by pointer", sm.Desc.Name)
		}
	}
}

// deadline holds that a run returns soon after its context has ended, be it
// before the run or in it.
func (s *suite) deadline(ctx context.Context, c checks.Check) {
	for _, wait := range []time.Duration{0, 5 * time.Millisecond} {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(wait, cancel)
		if wait == 0 {
			cancel()
		}
		begun := time.Now()
		res := checks.RunOnce(ctx, c, begun)
		if took := time.Since(begun) - wait; took > s.soon {
			s.faultf("goes on for %v after its context has ended, at most %v", took.Round(time.Millisecond), s.soon)
		}
		cancel()
		for _, f := range res.Findings {
			if f.Code == "check.panic" {
				s.faultf("panics when its context has ended: %v\n%s", f.Args["error"], f.Evidence)
			}
		}
	}
}

// blind holds that a check which cannot look says so.
func (s *suite) blind(ctx context.Context, c checks.Check) {
	res := checks.RunOnce(ctx, c, time.Now())
	s.unbroken(res)
	s.findings(res)
	if res.Verdict != checks.Unknown {
		s.faultf("comes to %s when it cannot look, not to unknown", res.Verdict)
	}
}
