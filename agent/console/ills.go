package console

import (
	"time"

	"xunjian/checks"
	"xunjian/rules"
)

// ills are the sentences of the banner: what ails the agent itself, and what
// nobody knows any more. They stand on every page.
func (r *request) ills() []string {
	var out []string
	say := func(id string, args ...any) { out = append(out, r.Ta("console.ill."+id, args...)) }
	latest := r.c.opt.Checks.Latest()
	if since := silence(latest, r.now); since > 0 {
		say("silent", "since", since)
	}
	if n := hung(latest, r.now); n > 0 {
		say("hung", "n", n)
	}
	if f, ok := unheard(latest); ok {
		say("unheard", "n", f.Args["channels"])
	}
	if st := r.c.opt.Rules.Stats(); st.InMemory > 0 {
		say("samples", "n", st.InMemory)
	}
	if n := count(r.c.opt.Rules.Alerts(), rules.Lost); n > 0 {
		say("lost", "n", n)
	}
	if why := r.c.opt.About().ConfigError; why != "" {
		say("config", "why", cut(why, 300))
	}
	return out
}

// late is how long after it was due a result counts as missing: three rounds,
// and never less than a minute.
func late(every time.Duration) time.Duration { return max(3*every, time.Minute) }

// silence returns how long no check at all has said anything, if that is
// longer than it may be.
func silence(latest []checks.Result, now time.Time) time.Duration {
	if len(latest) == 0 {
		return 0 // just started
	}
	newest, every := latest[0].Time, latest[0].Every
	for _, res := range latest[1:] {
		if res.Time.After(newest) {
			newest = res.Time
		}
		every = min(every, res.Every)
	}
	if d := now.Sub(newest); d > late(every) {
		return d.Truncate(time.Second)
	}
	return 0
}

// hung counts the checks whose results are overdue although others come.
func hung(latest []checks.Result, now time.Time) int {
	if silence(latest, now) > 0 {
		return 0
	}
	n := 0
	for _, res := range latest {
		if now.Sub(res.Time) > late(res.Every) && res.Every > 0 {
			n++
		}
	}
	return n
}

// unheard finds whether every way to people fails.
func unheard(latest []checks.Result) (checks.Finding, bool) {
	for _, res := range latest {
		for _, f := range res.Findings {
			if res.Check == "self_notices" && f.Code == "self.nobody_hears" {
				return f, true
			}
		}
	}
	return checks.Finding{}, false
}

func count(alerts []rules.Alert, state rules.State) int {
	n := 0
	for _, a := range alerts {
		if a.State == state {
			n++
		}
	}
	return n
}
